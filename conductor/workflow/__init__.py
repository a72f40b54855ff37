"""Workflows as code: ``Workflow`` and one builder for each task type."""

from conductor.workflow.builder import Workflow
from conductor.workflow.problem import Problem
from conductor.workflow.refs import Ref
from conductor.workflow.step import Options, Step, raw
from conductor.workflow.tasks.branch import decision, dynamic_fork, exclusive_join, fork, join, switch
from conductor.workflow.tasks.http import grpc, http, http_poll
from conductor.workflow.tasks.loop import do_while, for_each
from conductor.workflow.tasks.script import inline, jq, lambda_, set_variable
from conductor.workflow.tasks.simple import dynamic, simple
from conductor.workflow.tasks.subworkflow import get_workflow, start_workflow, sub_workflow, terminate_workflow
from conductor.workflow.tasks.wait import noop, terminate, wait, wait_for_webhook, yield_

__all__ = [
    "Options",
    "Problem",
    "Ref",
    "Step",
    "Workflow",
    "decision",
    "do_while",
    "dynamic",
    "dynamic_fork",
    "exclusive_join",
    "for_each",
    "fork",
    "get_workflow",
    "grpc",
    "http",
    "http_poll",
    "inline",
    "join",
    "jq",
    "lambda_",
    "noop",
    "raw",
    "set_variable",
    "simple",
    "start_workflow",
    "sub_workflow",
    "switch",
    "terminate",
    "terminate_workflow",
    "wait",
    "wait_for_webhook",
    "yield_",
]
