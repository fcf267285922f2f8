# What needs a person: the alarms, and the topic that they go to.

locals {
  function_metrics = { FunctionName = aws_lambda_function.countermand.function_name }
  rule_metrics = merge(
    { RuleName = aws_cloudwatch_event_rule.requests.name },
    { for name in [var.request_bus_name] : "EventBusName" => name if name != "default" },
  )
  alarm_topic = local.has_own_alarm_topic ? aws_sns_topic.alarms[0].arn : var.alarm_topic_arn

  # A metric adds up over five minutes, and an age or a number of messages is the most of one. It rings above zero, unless
  # `from` or `above` says otherwise.
  alarms = {
    dead-letters = {
      description = "Requests used up their receives, or a rule could not deliver an event. Find the cause, then redrive (docs/operations.md)."
      metric      = "AWS/SQS/ApproximateNumberOfMessagesVisible"
      of          = { QueueName = aws_sqs_queue.dead_letters.name }
    }
    undeliverable-events = {
      description = "The rule could deliver events neither to its target nor to the dead-letter queue - they are lost. The key of the queues or a policy is wrong."
      metric      = "AWS/Events/InvocationsFailedToBeSentToDlq"
      of          = local.rule_metrics
    }
    # A follow-up is delayed by up to 900 seconds.
    oldest-request = {
      description = "A request has waited for long - a backlog, a service that throttles or fails, or a function that does not run."
      metric      = "AWS/SQS/ApproximateAgeOfOldestMessage"
      of          = { QueueName = aws_sqs_queue.requests.name }
      above       = local.follows_up ? 1800 : 900
    }
    function-errors = {
      description = "Invocations failed as a whole - the function does not start, ran out of time, or a direct request failed."
      metric      = "AWS/Lambda/Errors"
      of          = local.function_metrics
    }
    publish-failures = {
      description = "Outcomes could not be published, so their requests are redelivered."
      metric      = "Countermand/PublishFailures"
      of          = local.function_metrics
      from        = 1
    }
    # A few throttle answers are how the pace is found.
    throttles = {
      description = "The services throttle more than the search for a rate explains."
      metric      = "Countermand/Throttles"
      of          = local.function_metrics
      from        = 100
    }
    denied = {
      description = "A service refuses the function - permission, credentials or signature. Nothing gets better by itself."
      metric      = "Countermand/Requests"
      of          = merge(local.function_metrics, { status = "DENIED" })
      from        = 1
    }
  }
  alarms_where_direct = {
    failed-events = {
      description = "Events that invoke the function directly failed three times. Find the cause, then send them again (docs/operations.md)."
      metric      = "AWS/SQS/ApproximateNumberOfMessagesVisible"
      of          = { for queue in aws_sqs_queue.failed_events : "QueueName" => queue.name }
    }
    lost-events = {
      description = "Events that invoke the function directly failed and could not be kept - they are lost. The key of the queues or the role is wrong."
      metric      = "AWS/Lambda/DestinationDeliveryFailures"
      of          = local.function_metrics
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "all" {
  for_each = merge(local.alarms, { for name, alarm in local.alarms_where_direct : name => alarm if local.goes_direct })

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.alarm_topic]
  ok_actions          = [local.alarm_topic]
  namespace           = trimsuffix(each.value.metric, "/${basename(each.value.metric)}")
  metric_name         = basename(each.value.metric)
  dimensions          = each.value.of
  statistic           = startswith(each.value.metric, "AWS/SQS/") ? "Maximum" : "Sum"
  period              = startswith(each.value.metric, "AWS/SQS/") ? 60 : 300
  evaluation_periods  = 1
  comparison_operator = can(each.value.from) ? "GreaterThanOrEqualToThreshold" : "GreaterThanThreshold"
  threshold           = try(each.value.from, each.value.above, 0)
}

resource "aws_sns_topic" "alarms" {
  count = local.has_own_alarm_topic ? 1 : 0

  name              = "${var.name}-alarms"
  kms_master_key_id = local.has_own_key ? aws_kms_key.queues[0].arn : null
}

resource "aws_sns_topic_policy" "alarms" {
  count = local.has_own_alarm_topic ? 1 : 0

  arn = aws_sns_topic.alarms[0].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AlarmsPublish"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms[0].arn
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
      {
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms[0].arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}
