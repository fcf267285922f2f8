# Countermand: the same resources as template.yaml makes, under the same conditions. tests/peers compares the two.

terraform {
  # A validation that names other variables.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  has_own_bus         = var.outcome_destination_arn == ""
  has_own_key         = var.encryption_key == "create"
  has_key             = var.encryption_key != ""
  has_own_alarm_topic = var.alarm_topic_arn == ""
  follows_up          = var.follow_ups != "off"
  goes_direct         = var.request_path == "direct"

  outcome_destination = local.has_own_bus ? aws_cloudwatch_event_bus.outcomes[0].arn : var.outcome_destination_arn
  key                 = local.has_own_key ? aws_kms_key.queues[0].arn : (local.has_key ? var.encryption_key : null)
}

resource "aws_cloudwatch_event_rule" "requests" {
  name           = "${var.name}-requests"
  description    = "Cancel requests, from any source, to Countermand."
  event_bus_name = var.request_bus_name
  event_pattern  = jsonencode({ detail-type = ["Cancel Request"] })
}

resource "aws_cloudwatch_event_target" "requests" {
  event_bus_name = var.request_bus_name
  rule           = aws_cloudwatch_event_rule.requests.name
  target_id      = "countermand"
  arn            = local.goes_direct ? aws_lambda_function.countermand.arn : aws_sqs_queue.requests.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

resource "aws_lambda_function" "countermand" {
  function_name    = var.name
  description      = "Cancels running executions of AppFlow, SWF, CloudFlow and Step Functions, and publishes the outcome of each request."
  filename         = var.package_file
  source_code_hash = var.package_file == null ? null : filebase64sha256(var.package_file)
  s3_bucket        = var.code_bucket
  s3_key           = var.code_key
  handler          = "bootstrap"
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  memory_size      = 128
  timeout          = var.function_timeout
  role             = aws_iam_role.function.arn

  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.function.name
  }

  # What is not here keeps its default. The function takes an empty value for one that is not set.
  environment {
    variables = {
      COUNTERMAND_OUTCOME_DESTINATION         = local.outcome_destination
      COUNTERMAND_ALLOWED_TARGETS             = var.allowed_targets
      COUNTERMAND_CANCEL_ALL                  = var.cancel_all
      COUNTERMAND_TERMINATE                   = var.terminate
      COUNTERMAND_DEACTIVATE                  = var.deactivate
      COUNTERMAND_MAX_REQUEST_AGE_SECONDS     = var.max_request_age_seconds
      COUNTERMAND_MODE                        = var.mode
      COUNTERMAND_MAX_RECEIVE_COUNT           = 20
      COUNTERMAND_FUNCTION_CONCURRENCY        = var.maximum_concurrency
      COUNTERMAND_FOLLOW_UP_QUEUE_ARN         = local.follows_up ? aws_sqs_queue.requests.arn : ""
      COUNTERMAND_FOLLOW_UP_SENDER_ID         = local.follows_up ? aws_iam_role.function.unique_id : ""
      COUNTERMAND_CONFIRM                     = var.follow_ups == "always" ? "true" : ""
      COUNTERMAND_CLOUDFLOW_SECRET_ARN        = var.cloud_flow_secret_arn
      COUNTERMAND_CLOUDFLOW_ROLE_ARN          = var.cloud_flow_role_arn
      COUNTERMAND_CLOUDFLOW_OIDC_PROVIDER_ARN = var.cloud_flow_oidc_provider_arn
      ALIBABA_CLOUD_REGION_ID                 = var.cloud_flow_region_id
    }
  }
}

resource "aws_lambda_function_recursion_config" "countermand" {
  function_name  = aws_lambda_function.countermand.function_name
  recursive_loop = local.follows_up ? "Allow" : "Terminate"
}

# Lambda looks whether the role may read the queue.
resource "aws_lambda_event_source_mapping" "requests" {
  function_name           = aws_lambda_function.countermand.arn
  event_source_arn        = aws_sqs_queue.requests.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }

  depends_on = [aws_iam_role_policy.function]
}

resource "aws_lambda_permission" "rule" {
  count = local.goes_direct ? 1 : 0

  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.countermand.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.requests.arn
}

# Lambda tries an event twice more, after one minute and after two. When the destination is set it looks whether the role
# may send there.
resource "aws_lambda_function_event_invoke_config" "direct" {
  count = local.goes_direct ? 1 : 0

  function_name                = aws_lambda_function.countermand.function_name
  qualifier                    = "$LATEST"
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failed_events[0].arn
    }
  }

  depends_on = [aws_iam_role_policy.function]
}

resource "aws_cloudwatch_event_bus" "outcomes" {
  count = local.has_own_bus ? 1 : 0

  name        = "${var.name}-outcomes"
  description = "What became of cancel requests, with the detail-types \"Cancellation Outcome\", \"Cancellation Attempt Failed\", \"Cancellation Confirmation\", \"Cancellation Progress\" and \"Cancellation Summary\"."
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = 30
}
