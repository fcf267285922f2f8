# What operators look at: the dashboard, and saved queries of the log.

resource "aws_cloudwatch_dashboard" "countermand" {
  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = templatefile("${path.module}/dashboard.json.tftpl", {
    region            = local.region
    function          = aws_lambda_function.countermand.function_name
    request_queue     = aws_sqs_queue.requests.name
    dead_letter_queue = aws_sqs_queue.dead_letters.name
  })
}

resource "aws_cloudwatch_query_definition" "all" {
  for_each = {
    "requests by status" = <<-EOT
      filter fields.message = "outcome"
      | stats count(*) as requests by fields.service, fields.status, fields.lastWord
      | sort requests desc
    EOT
    "what is denied or fails" = <<-EOT
      filter fields.message = "outcome" and fields.status in ["DENIED", "FAILED"]
      | stats count(*) as times, latest(@timestamp) as last by fields.status, fields.target
      | sort times desc
    EOT
    "one request (put its id in)" = <<-EOT
      filter fields.requestId = "REQUEST-ID"
      | fields @timestamp, level, fields.message, fields.status, fields.target, fields.attempts, fields.durationMs, fields.code, fields.error
      | sort @timestamp asc
    EOT
    "the slowest requests" = <<-EOT
      filter fields.message = "outcome"
      | fields @timestamp, fields.requestId, fields.target, fields.status, fields.attempts, fields.durationMs
      | sort fields.durationMs desc
      | limit 50
    EOT
    "warnings and errors" = <<-EOT
      filter level in ["WARN", "ERROR"] or type = "platform.report" and record.status != "success"
      | fields @timestamp, level, fields.message, fields.requestId, fields.service, fields.code, fields.error, record.status
      | sort @timestamp desc
      | limit 200
    EOT
  }

  name            = "${var.name}/${each.key}"
  log_group_names = [aws_cloudwatch_log_group.function.name]
  query_string    = each.value
}
