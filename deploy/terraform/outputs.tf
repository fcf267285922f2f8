# The outputs of template.yaml. One of what is not made is null.

output "request_queue_url" {
  description = "The queue that cancel requests can also be sent to directly."
  value       = aws_sqs_queue.requests.url
}

output "request_queue_arn" {
  description = "The same queue, for a rule, a topic's subscription or a schedule."
  value       = aws_sqs_queue.requests.arn
}

output "dead_letter_queue_url" {
  description = "The queue of the requests that were delivered too often."
  value       = aws_sqs_queue.dead_letters.url
}

output "dead_letter_queue_arn" {
  description = "The same queue, for starting a redrive."
  value       = aws_sqs_queue.dead_letters.arn
}

output "failed_events_queue_url" {
  description = "The queue of the events that the function was invoked with directly and failed."
  value       = one(aws_sqs_queue.failed_events[*].url)
}

output "outcome_destination_arn" {
  description = "What outcomes are published to."
  value       = local.outcome_destination
}

output "outcome_bus_name" {
  description = "The event bus that outcomes are published to."
  value       = one(aws_cloudwatch_event_bus.outcomes[*].name)
}

output "outcome_bus_arn" {
  description = "The same bus, for policies."
  value       = one(aws_cloudwatch_event_bus.outcomes[*].arn)
}

output "alarm_topic_arn" {
  description = "The topic that alarms go to. Subscribe to it."
  value       = local.alarm_topic
}

output "dashboard_name" {
  description = "The dashboard."
  value       = aws_cloudwatch_dashboard.countermand.dashboard_name
}

output "key_arn" {
  description = "The key of the queues and the alarm topic. Whoever sends to an encrypted queue needs kms:GenerateDataKey and kms:Decrypt on it."
  value       = one(aws_kms_key.queues[*].arn)
}

output "function_name" {
  description = "The function, for direct invocations."
  value       = aws_lambda_function.countermand.function_name
}

output "function_arn" {
  description = "The same function, for a schedule or a state machine."
  value       = aws_lambda_function.countermand.arn
}

output "log_group_name" {
  description = "Where the function logs."
  value       = aws_cloudwatch_log_group.function.name
}

output "function_role_name" {
  description = "The function's role, for a policy that lets it read a queue of yours."
  value       = aws_iam_role.function.name
}

output "function_role_arn" {
  description = "The function's role, for the policy of a key or of a destination in another account."
  value       = aws_iam_role.function.arn
}
