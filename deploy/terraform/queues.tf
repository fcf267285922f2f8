# The queues, who may send to them, and what encrypts them.

resource "aws_sqs_queue" "requests" {
  name                       = "${var.name}-requests"
  sqs_managed_sse_enabled    = local.has_key ? null : true
  kms_master_key_id          = local.key
  message_retention_seconds  = 345600
  visibility_timeout_seconds = 6 * var.function_timeout

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    # Fewer would move requests to the dead-letter queue that only waited for a permit. The function knows the number.
    maxReceiveCount = 20
  })
}

# Fourteen days, the longest there is: a message keeps its age when it moves here.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  sqs_managed_sse_enabled   = local.has_key ? null : true
  kms_master_key_id         = local.key
  message_retention_seconds = 1209600
}

# Events that the function was invoked with directly and failed.
resource "aws_sqs_queue" "failed_events" {
  count = local.goes_direct ? 1 : 0

  name                      = "${var.name}-failed-events"
  sqs_managed_sse_enabled   = local.has_key ? null : true
  kms_master_key_id         = local.key
  message_retention_seconds = 1209600
}

resource "aws_sqs_queue_policy" "reached_by_rules" {
  for_each = { requests = aws_sqs_queue.requests, dead_letters = aws_sqs_queue.dead_letters }

  queue_url = each.value.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "RuleSends"
          Effect    = "Allow"
          Principal = { Service = "events.amazonaws.com" }
          Action    = "sqs:SendMessage"
          Resource  = each.value.arn
          Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.requests.arn } }
        }
      ],
      [for senders in [var.sender_arns] :
        {
          Sid       = "OthersSend"
          Effect    = "Allow"
          Principal = { Service = ["events.amazonaws.com", "sns.amazonaws.com"] }
          Action    = "sqs:SendMessage"
          Resource  = each.value.arn
          Condition = { ArnLike = { "aws:SourceArn" = senders } }
        } if length(senders) > 0
      ],
      [
        {
          Sid       = "OnlyOverTls"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sqs:*"
          Resource  = each.value.arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        }
      ],
    )
  })
}

resource "aws_sqs_queue_policy" "failed_events" {
  count = local.goes_direct ? 1 : 0

  queue_url = aws_sqs_queue.failed_events[0].url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.failed_events[0].arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }
    ]
  })
}

# Three services send to what the key encrypts: rules and topics to the queues, alarms to the topic. Deleted, it can
# still be had back for thirty days, and with it the messages.
resource "aws_kms_key" "queues" {
  count = local.has_own_key ? 1 : 0

  description             = "The queues and the alarm topic of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AccountDecidesByIam"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "ServicesSend"
        Effect    = "Allow"
        Principal = { Service = ["events.amazonaws.com", "sns.amazonaws.com", "cloudwatch.amazonaws.com"] }
        Action    = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource  = "*"
      },
    ]
  })
}
