# The parameters of template.yaml, each by the name, default, values and description that it has there: the role's
# reach and encryption, CloudFlow, the function.

variable "app_flow_flows" {
  type        = string
  default     = "*"
  description = <<-EOT
    The AppFlow flows that the function's role may reach, one name with * for any characters. allowed_targets decides
    within it.
  EOT

  validation {
    condition     = can(regex("^(?:[\\w!@#.*-]{1,256})$", var.app_flow_flows))
    error_message = "Expected a flow's name, in which * stands for any characters."
  }
}

variable "swf_domains" {
  type        = string
  default     = "*"
  description = <<-EOT
    The SWF domains that the function's role may reach, one name with * for any characters. allowed_targets decides
    within it.
  EOT

  validation {
    condition     = can(regex("^(?:[^:/|,]{1,256})$", var.swf_domains))
    error_message = "Expected a domain's name, in which * stands for any characters."
  }
}

variable "state_machines" {
  type        = string
  default     = "*"
  description = <<-EOT
    The state machines whose executions the function's role may reach, one name with * for any characters.
    allowed_targets decides within it.
  EOT

  validation {
    condition     = can(regex("^(?:[^:/,]{1,80})$", var.state_machines))
    error_message = "Expected a state machine's name, in which * stands for any characters."
  }
}

variable "encryption_key" {
  type        = string
  default     = ""
  description = <<-EOT
    What encrypts the queues. Empty - SQS's own keys. "create" - a KMS key of this module, which also encrypts the
    alarm topic. An ARN - your key; its policy must let events.amazonaws.com (and sns.amazonaws.com, where a topic
    sends) use kms:GenerateDataKey and kms:Decrypt, or nothing of theirs arrives.
  EOT

  validation {
    condition     = can(regex("^(?:(create|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+)?)$", var.encryption_key))
    error_message = "Expected empty, \"create\", or the ARN of a KMS key."
  }
}

variable "cloud_flow_region_id" {
  type        = string
  default     = ""
  description = <<-EOT
    The Alibaba Cloud region of the CloudFlow flows (ALIBABA_CLOUD_REGION_ID). Empty where CloudFlow is not used.
  EOT

  validation {
    condition     = can(regex("^(?:[a-z0-9-]*)$", var.cloud_flow_region_id))
    error_message = "Expected an Alibaba Cloud region such as cn-hangzhou, or empty."
  }
}

variable "cloud_flow_secret_arn" {
  type        = string
  default     = ""
  description = <<-EOT
    The Secrets Manager secret with CloudFlow's key (COUNTERMAND_CLOUDFLOW_SECRET_ARN), as JSON with accessKeyId,
    accessKeySecret and, where the key is a temporary one, securityToken. Empty where a role lends it, or CloudFlow is
    not used.
  EOT

  validation {
    condition     = can(regex("^(?:(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+)?)$", var.cloud_flow_secret_arn))
    error_message = "Expected empty, or the whole ARN of a secret."
  }

  validation {
    condition     = var.cloud_flow_secret_arn == "" || var.cloud_flow_region_id != ""
    error_message = "cloud_flow_secret_arn needs cloud_flow_region_id."
  }

  validation {
    condition     = var.cloud_flow_secret_arn == "" || "${var.cloud_flow_role_arn}${var.cloud_flow_oidc_provider_arn}" == ""
    error_message = "CloudFlow's key comes from a secret or from a role, not from both."
  }
}

variable "cloud_flow_role_arn" {
  type        = string
  default     = ""
  description = <<-EOT
    The Alibaba Cloud role that lends a key in place of a secret (COUNTERMAND_CLOUDFLOW_ROLE_ARN), together with the
    next parameter. docs/wiring/cloudflow-without-a-key.md sets both up.
  EOT

  validation {
    condition     = can(regex("^(?:(acs:ram::[0-9]+:role/[A-Za-z0-9._-]{1,128})?)$", var.cloud_flow_role_arn))
    error_message = "Expected empty, or the ARN of a role of Alibaba Cloud."
  }

  validation {
    condition     = var.cloud_flow_role_arn == "" || var.cloud_flow_oidc_provider_arn != ""
    error_message = "cloud_flow_role_arn needs cloud_flow_oidc_provider_arn."
  }

  validation {
    condition     = var.cloud_flow_role_arn == "" || var.cloud_flow_region_id != ""
    error_message = "cloud_flow_role_arn needs cloud_flow_region_id."
  }
}

variable "cloud_flow_oidc_provider_arn" {
  type        = string
  default     = ""
  description = <<-EOT
    The OIDC provider of Alibaba Cloud by which that role trusts AWS (COUNTERMAND_CLOUDFLOW_OIDC_PROVIDER_ARN).
  EOT

  validation {
    condition     = can(regex("^(?:(acs:ram::[0-9]+:oidc-provider/[A-Za-z0-9._-]{1,128})?)$", var.cloud_flow_oidc_provider_arn))
    error_message = "Expected empty, or the ARN of an OIDC provider of Alibaba Cloud."
  }

  validation {
    condition     = var.cloud_flow_oidc_provider_arn == "" || var.cloud_flow_role_arn != ""
    error_message = "cloud_flow_oidc_provider_arn needs cloud_flow_role_arn."
  }
}

variable "maximum_concurrency" {
  type        = number
  default     = 2
  description = <<-EOT
    How many invocations the queue may start at the same time. The function knows the number
    (COUNTERMAND_FUNCTION_CONCURRENCY), and each takes that part of the services' quotas, so more of them is rarely
    faster.
  EOT

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "Expected 2 to 1000."
  }
}

variable "function_timeout" {
  type        = number
  default     = 30
  description = <<-EOT
    Seconds that one invocation may take. The queue hides a message for six times as long, unless the function sets
    another visibility timeout.
  EOT

  validation {
    condition     = contains([10, 20, 30, 60, 120, 300, 900], var.function_timeout)
    error_message = "Expected one of 10, 20, 30, 60, 120, 300, 900."
  }
}

variable "architecture" {
  type        = string
  default     = "x86_64"
  description = "The instruction set that the function is built for and runs on."

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "Expected one of x86_64, arm64."
  }
}

# In place of the stack's name, and of what builds or brings the code.

variable "name" {
  type        = string
  default     = "countermand"
  description = "The name of the function, and the beginning of all other names."

  validation {
    condition     = can(regex("^[a-zA-Z0-9-]{1,30}$", var.name))
    error_message = "Expected 1 to 30 letters, digits and hyphens."
  }
}

variable "package_file" {
  type        = string
  default     = null
  description = "A zip of a release on this machine, for the architecture; or code_bucket and code_key instead."

  validation {
    condition     = (var.package_file == null) != (var.code_bucket == null)
    error_message = "Expected either package_file or code_bucket."
  }
}

variable "code_bucket" {
  type        = string
  default     = null
  description = "The bucket of this region that such a zip is in."

  validation {
    condition     = (var.code_bucket == null) == (var.code_key == null)
    error_message = "Expected code_bucket and code_key together."
  }
}

variable "code_key" {
  type        = string
  default     = null
  description = "The zip in that bucket."
}
