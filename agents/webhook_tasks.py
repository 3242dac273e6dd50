"""The name under which 0.2.0 stored its webhook task. Remove after the next release."""

from agents.tasks.webhooks import deliver_webhooks

__all__ = ["deliver_webhooks"]
