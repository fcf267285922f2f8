# What the function may do, each part only where it is chosen.

locals {
  flows         = "arn:${local.partition}:appflow:${local.region}:${local.account}:flow/${var.app_flow_flows}"
  domains       = "arn:${local.partition}:swf:${local.region}:${local.account}:/domain/${var.swf_domains}"
  states        = "arn:${local.partition}:states:${local.region}:${local.account}"
  state_machine = "${local.states}:stateMachine:${var.state_machines}"
  executions = [
    "${local.states}:execution:${var.state_machines}:*",
    "${local.states}:execution:${var.state_machines}/*:*",
  ]
  every_key = "arn:${local.partition}:kms:*:*:key/*"

  send_encrypted = [
    for key in [local.key] : { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = key }
    if local.has_key
  ]

  # A list of one with a condition is there where the condition holds.
  policies = {
    receive-requests = concat(
      # The first three are Lambda's; the last is the function's own, to set the visibility timeout of a record that is
      # redelivered.
      [
        {
          Effect   = "Allow"
          Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
          Resource = aws_sqs_queue.requests.arn
        }
      ],
      [for key in [local.key] : { Effect = "Allow", Action = ["kms:Decrypt"], Resource = key } if local.has_key],
    )
    cancel = concat(
      [
        { Effect = "Allow", Action = ["appflow:CancelFlowExecutions"], Resource = [local.flows] },
        { Effect = "Allow", Action = ["swf:RequestCancelWorkflowExecution"], Resource = [local.domains] },
        { Effect = "Allow", Action = ["states:StopExecution"], Resource = local.executions },
      ],
      [
        for one in [local.flows] : { Effect = "Allow", Action = ["appflow:StopFlow"], Resource = [one] }
        if var.deactivate == "allow"
      ],
      [
        for one in [local.domains] : { Effect = "Allow", Action = ["swf:TerminateWorkflowExecution"], Resource = [one] }
        if var.terminate == "allow"
      ],
    )
    # Without these a request that names its runs is still carried out, but its outcome stays unexplained; a dry run, and
    # a request that names no run and comes late, is denied.
    look-up = [
      { Effect = "Allow", Action = ["appflow:DescribeFlowExecutionRecords"], Resource = [local.flows] },
      {
        Effect = "Allow"
        Action = [
          "swf:CountOpenWorkflowExecutions",
          "swf:DescribeWorkflowExecution",
          "swf:ListClosedWorkflowExecutions",
          "swf:ListOpenWorkflowExecutions",
        ]
        Resource = [local.domains]
      },
      { Effect = "Allow", Action = ["states:DescribeExecution"], Resource = local.executions },
      { Effect = "Allow", Action = ["states:ListExecutions"], Resource = [local.state_machine] },
    ]
    # Of the three only that which fits the kind of the destination can mean it.
    publish-outcomes = [
      {
        Effect   = "Allow"
        Action   = ["events:PutEvents", "sns:Publish", "sqs:SendMessage"]
        Resource = local.outcome_destination
      }
    ]
    write-logs = [
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.function.arn}:*"
      }
    ]
    # From here on: what only some deployments need.
    # Whatever key encrypts the destination, where one does, and for that destination alone.
    use-the-key-of-the-destination = [
      for context in ["aws:sns:topicArn", "aws:sqs:arn"] : {
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = local.every_key
        Condition = { StringEquals = { "kms:EncryptionContext:${context}" = var.outcome_destination_arn } }
      }
    ]
    send-follow-ups = concat(
      [{ Effect = "Allow", Action = ["sqs:SendMessage"], Resource = aws_sqs_queue.requests.arn }],
      local.send_encrypted,
    )
    # Lambda sends the records, with the function's role.
    send-failed-events = concat(
      [for queue in aws_sqs_queue.failed_events : { Effect = "Allow", Action = ["sqs:SendMessage"], Resource = queue.arn }],
      local.send_encrypted,
    )
    # With whatever key encrypts the secret, and for this secret alone.
    read-cloudflow-key = [
      { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = var.cloud_flow_secret_arn },
      {
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = local.every_key
        Condition = { StringEquals = { "kms:EncryptionContext:SecretARN" = var.cloud_flow_secret_arn } }
      },
    ]
    # For this exchange alone: whom the token is for, how it is signed, and for how long.
    sign-cloudflow-token = [
      {
        Effect   = "Allow"
        Action   = ["sts:GetWebIdentityToken"]
        Resource = "*"
        Condition = {
          "ForAllValues:StringEquals" = { "sts:IdentityTokenAudience" = "sts.aliyuncs.com" }
          StringEquals                = { "sts:SigningAlgorithm" = "RS256" }
          NumericLessThanEquals       = { "sts:DurationSeconds" = 300 }
        }
      }
    ]
  }
  chosen = {
    use-the-key-of-the-destination = !local.has_own_bus
    send-follow-ups                = local.follows_up
    send-failed-events             = local.goes_direct
    read-cloudflow-key             = var.cloud_flow_secret_arn != ""
    sign-cloudflow-token           = var.cloud_flow_role_arn != ""
  }
}

resource "aws_iam_role" "function" {
  name_prefix = "${var.name}-"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = { for name, statements in local.policies : name => statements if lookup(local.chosen, name, true) }

  name   = each.key
  role   = aws_iam_role.function.name
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}
