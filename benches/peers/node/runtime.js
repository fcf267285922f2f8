// Lambda's Runtime API: takes one event after the other to the handler. It stands in for AWS's own client, which
// is compiled on each machine that installs it, and is lighter than that and than the managed runtime: no hooks,
// no context, nothing done to the console. So it favors Node.

import { Agent, request } from "node:http";

import { handler } from "./handler.js";

const agent = new Agent({ keepAlive: true });
const invocations = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${invocations}/${path}`, { method, agent }, (reply) => {
      const chunks = [];
      reply.on("data", (chunk) => chunks.push(chunk));
      reply.on("end", () => resolve({ headers: reply.headers, body: Buffer.concat(chunks) }));
      reply.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

async function run() {
  for (;;) {
    const { headers, body } = await call("GET", "next");
    const id = headers["lambda-runtime-aws-request-id"];
    try {
      await call("POST", `${id}/response`, JSON.stringify(await handler(JSON.parse(body))));
    } catch (error) {
      const described = { errorType: error.name, errorMessage: error.message, stackTrace: [] };
      await call("POST", `${id}/error`, JSON.stringify(described));
    }
  }
}

run();
