// Countermand's job for AppFlow in Node: reads each record, has its runs canceled, publishes the outcomes.
// The clients are made when the module is loaded, which Lambda does in the init phase.

import { AppflowClient, CancelFlowExecutionsCommand, ResourceNotFoundException } from "@aws-sdk/client-appflow";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";

const ENTRIES_PER_CALL = 10;
const OUTCOME_BUS = process.env.COUNTERMAND_OUTCOME_DESTINATION;

const appflow = new AppflowClient({});
const eventBridge = new EventBridgeClient({});

export async function handler({ Records: records }) {
  const outcomes = await Promise.all(records.map(cancel));
  const published = await publish(outcomes);
  const failed = records.filter((_, index) => outcomes[index].status === "FAILED" || !published[index]);
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

// The outcome of one record, whatever becomes of it.
async function cancel({ messageId, body }) {
  const outcome = { type: "CancellationOutcome", version: "1", requestId: messageId };
  const request = read(body);
  if (request) {
    const { requestId = messageId, flowName, executionIds } = request;
    Object.assign(outcome, {
      requestId,
      service: "appflow",
      operation: "CancelFlowExecutions",
      target: { key: `appflow:${flowName}`, flowName, executionIds },
      ...(await ask(flowName, executionIds)),
    });
  } else {
    const message = "expected JSON with service appflow, flowName of 2 to 256 characters, executionIds with at least one id";
    Object.assign(outcome, { status: "REJECTED", error: { code: "InvalidRequest", message } });
  }
  return { ...outcome, completedAt: new Date().toISOString() };
}

// The request, where it is one.
function read(body) {
  let request;
  try {
    request = JSON.parse(body);
  } catch {
    return undefined;
  }
  const { service, flowName, executionIds } = request ?? {};
  const named = typeof flowName === "string" && flowName.length >= 2 && flowName.length <= 256;
  const listed = Array.isArray(executionIds) && executionIds.length > 0 && executionIds.every((id) => typeof id === "string");
  return service === "appflow" && named && listed ? request : undefined;
}

// What AppFlow says to the request.
async function ask(flowName, executionIds) {
  let reply;
  try {
    reply = await appflow.send(new CancelFlowExecutionsCommand({ flowName, executionIds }));
  } catch (error) {
    const status = error instanceof ResourceNotFoundException ? "NOT_FOUND" : "FAILED";
    return { status, error: { code: error.name, message: error.message } };
  }
  const invalid = new Set(reply.invalidExecutions);
  const executions = executionIds.map((executionId) => ({
    executionId,
    state: invalid.has(executionId) ? "UNEXPLAINED" : "ACCEPTED",
  }));
  const accepted = executions.some(({ state }) => state === "ACCEPTED");
  const status = invalid.size === 0 ? "ACCEPTED" : accepted ? "PARTIAL" : "NOT_RUNNING";
  return { status, result: { executions } };
}

// For each outcome, whether it was published.
async function publish(outcomes) {
  const published = [];
  for (let start = 0; start < outcomes.length; start += ENTRIES_PER_CALL) {
    const entries = outcomes.slice(start, start + ENTRIES_PER_CALL).map(entry);
    try {
      const reply = await eventBridge.send(new PutEventsCommand({ Entries: entries }));
      const allTaken = reply.FailedEntryCount === 0;
      published.push(...reply.Entries.map(({ EventId }) => allTaken || EventId !== undefined));
    } catch (error) {
      console.error("outcomes could not be published:", error);
      published.push(...entries.map(() => false));
    }
  }
  return published;
}

function entry(outcome) {
  return {
    EventBusName: OUTCOME_BUS,
    Source: "countermand",
    DetailType: "Cancellation Outcome",
    Detail: JSON.stringify(outcome),
  };
}
