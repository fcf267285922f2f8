# The parameters of template.yaml, each by the name, default, values and description that it has there: what may be canceled,
# where requests come from, where outcomes and alarms go.

variable "allowed_targets" {
  type        = string
  description = <<-EOT
    What requests may cancel (COUNTERMAND_ALLOWED_TARGETS): patterns separated by commas, matched against the whole of
    appflow:<flow>, swf:<domain>/<workflow id>, cloudflow:<flow> or stepfunctions:<state machine>/<execution>; an
    asterisk stands for any characters. Examples: "appflow:orders", "appflow:orders-*,swf:billing/*,cloudflow:etl",
    and "*" for whatever the role and the CloudFlow key can reach.
  EOT

  validation {
    condition     = can(regex("^(?:([^,]*\\*[^,]*|\\s*(appflow|cloudflow):[^,]*[^,\\s][^,]*|\\s*(swf|stepfunctions):[^,]+/[^,]*[^,\\s][^,]*)(,([^,]*\\*[^,]*|\\s*(appflow|cloudflow):[^,]*[^,\\s][^,]*|\\s*(swf|stepfunctions):[^,]+/[^,]*[^,\\s][^,]*))*)$", var.allowed_targets))
    error_message = "Expected patterns such as appflow:orders, swf:billing/* or *, separated by single commas."
  }
}

variable "cancel_all" {
  type        = string
  default     = "explicit"
  description = <<-EOT
    Whether an AppFlow request without executionIds may end every active run of its flow (COUNTERMAND_CANCEL_ALL).
    "explicit" - only where it says so with the scope ALL_ACTIVE.
  EOT

  validation {
    condition     = contains(["allow", "explicit", "deny"], var.cancel_all)
    error_message = "Expected one of allow, explicit, deny."
  }
}

variable "terminate" {
  type        = string
  default     = "deny"
  description = <<-EOT
    Whether an SWF request may have terminated what ignores its cancel (COUNTERMAND_TERMINATE). It needs follow_ups,
    and only "allow" gives the role the permission.
  EOT

  validation {
    condition     = contains(["deny", "allow"], var.terminate)
    error_message = "Expected one of deny, allow."
  }

  validation {
    condition     = var.terminate != "allow" || var.follow_ups != "off"
    error_message = "terminate needs follow_ups, since what is terminated was followed."
  }
}

variable "deactivate" {
  type        = string
  default     = "deny"
  description = <<-EOT
    Whether an AppFlow request may also deactivate its flow (COUNTERMAND_DEACTIVATE). Only "allow" gives the role the
    permission.
  EOT

  validation {
    condition     = contains(["deny", "allow"], var.deactivate)
    error_message = "Expected one of deny, allow."
  }
}

variable "mode" {
  type        = string
  default     = "active"
  description = <<-EOT
    With "dry-run" nothing is ever canceled, and outcomes report what would have been (COUNTERMAND_MODE).
  EOT

  validation {
    condition     = contains(["active", "dry-run"], var.mode)
    error_message = "Expected one of active, dry-run."
  }
}

variable "max_request_age_seconds" {
  type        = number
  default     = 0
  description = <<-EOT
    Seconds after which a request is refused as too old (COUNTERMAND_MAX_REQUEST_AGE_SECONDS); 0 is no limit. Leave
    time for redeliveries, since a request ages between them, and while it waits for a permit.
  EOT

  validation {
    condition     = var.max_request_age_seconds >= 0 && var.max_request_age_seconds <= 315360000
    error_message = "Expected 0 to 315360000."
  }
}

variable "request_bus_name" {
  type        = string
  default     = "default"
  description = "The event bus on which events with the detail-type \"Cancel Request\" arrive."

  validation {
    condition     = can(regex("^(?:[.\\-_A-Za-z0-9]{1,256})$", var.request_bus_name))
    error_message = "Expected the name of an event bus in this account and region."
  }
}

variable "sender_arns" {
  type        = list(string)
  default     = []
  description = <<-EOT
    The ARNs of rules and topics outside of this module that may send to the request queue, separated by commas. An
    asterisk stands for any characters of a name. Schedules and pipes send with a role of their own and are not named
    here.
  EOT

  validation {
    condition     = alltrue([for one in var.sender_arns : can(regex("^(?:(arn:aws[a-z-]*:(events:[a-z0-9-]+:[0-9]{12}:rule/[A-Za-z0-9_.-][A-Za-z0-9_./*-]*|sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-][A-Za-z0-9_*-]*))?)$", one))])
    error_message = "Expected ARNs of rules and standard topics with region and account, * only after the beginning of a name."
  }
}

variable "request_path" {
  type        = string
  default     = "queue"
  description = <<-EOT
    The way of those events to the function. "queue" - by the request queue. "direct" - the rule invokes the function,
    which is sooner but has no queue to wait in; what fails three times goes to the queue FailedEventsQueue.
  EOT

  validation {
    condition     = contains(["queue", "direct"], var.request_path)
    error_message = "Expected one of queue, direct."
  }
}

variable "outcome_destination_arn" {
  type        = string
  default     = ""
  description = <<-EOT
    Where outcomes are published (COUNTERMAND_OUTCOME_DESTINATION) - an event bus of this region, a standard SNS topic
    or a standard SQS queue, but never the request queue. The policy of a KMS key that encrypts it must let the
    account's IAM policies decide. Empty - a bus of this module.
  EOT

  validation {
    condition     = can(regex("^(?:(arn:aws[a-z-]*:(events:[a-z0-9-]+:[0-9]{12}:event-bus/[/._A-Za-z0-9-]+|(sns|sqs):[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+))?)$", var.outcome_destination_arn))
    error_message = "Expected empty, or the ARN of an event bus, a standard topic or a standard queue."
  }
}

variable "follow_ups" {
  type        = string
  default     = "off"
  description = <<-EOT
    Whether requests are followed to their end, and executions swept. "on" - those that ask for it
    (COUNTERMAND_FOLLOW_UP_QUEUE_ARN, the request queue). "always" - also those that do not say (COUNTERMAND_CONFIRM).
    The function then sends messages to the queue that feeds it, so its recursive loops are allowed; each message
    carries its own count.
  EOT

  validation {
    condition     = contains(["off", "on", "always"], var.follow_ups)
    error_message = "Expected one of off, on, always."
  }
}

variable "alarm_topic_arn" {
  type        = string
  default     = ""
  description = <<-EOT
    The topic that alarms go to, one that CloudWatch may publish to - not encrypted, or with a key whose policy lets
    cloudwatch.amazonaws.com use it; never with alias/aws/sns, which drops alarms in silence. Empty - a topic of this
    module.
  EOT

  validation {
    condition     = can(regex("^(?:(arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+)?)$", var.alarm_topic_arn))
    error_message = "Expected empty, or the ARN of a standard topic."
  }
}
