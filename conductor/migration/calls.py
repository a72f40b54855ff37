"""Calls of conductor-python and their replacements, as pairs of signatures that ``conductor migrate`` applies.

The left side of a pair is the old call with its parameters in order; the right side is the new call, with the old
parameters as its values. An argument of the right side is left out if the program does not pass the parameter.
``_inputs``, ``_cases`` and ``_default`` are values that the old API sets after the object is created.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "CLIENTS",
    "CONSTANTS",
    "LATER",
    "METHODS",
    "MODEL_FIELDS",
    "MODEL_NAMES",
    "MODEL_ORDER",
    "OUTPUTS",
    "REQUIRED",
    "RESULTS",
    "STEPS",
]

#: Classes that become one of the clients of ``ConductorClient``: its attribute, the module of its class, the class.
CLIENTS: Mapping[str, tuple[str, str, str]] = {
    "WorkflowClient": ("workflows", "conductor.clients.workflows", "WorkflowClient"),
    "MetadataClient": ("metadata", "conductor.clients.metadata", "MetadataClient"),
    "TaskClient": ("tasks", "conductor.clients.tasks", "TaskClient"),
    "SchedulerClient": ("schedules", "conductor.clients.schedules", "ScheduleClient"),
    "SecretClient": ("secrets", "conductor.clients.secrets", "SecretClient"),
    "PromptClient": ("prompts", "conductor.clients.integrations", "PromptClient"),
    "IntegrationClient": ("integrations", "conductor.clients.integrations", "IntegrationClient"),
    "SchemaClient": ("schemas", "conductor.clients.services", "SchemaClient"),
    "ServiceRegistryClient": ("services", "conductor.clients.services", "ServiceRegistryClient"),
}
_REQUEST = "start(start_workflow_request)"
_EXECUTE = (
    "execute(start_workflow_request, wait_until=wait_until_task_ref, wait_for=wait_for_seconds, request_id=request_id"
)
_WORKFLOWS = {
    f"start_workflow({_REQUEST[6:-1]})": _REQUEST,
    "start_workflow_by_name(name, input, version, correlationId, priority)": (
        "start_by_name(name, input, version=version, correlation_id=correlationId, priority=priority)"
    ),
    "execute_workflow(start_workflow_request, request_id, wait_until_task_ref, wait_for_seconds)": f"{_EXECUTE})",
    "execute_workflow_with_return_strategy(start_workflow_request, request_id, wait_until_task_ref, wait_for_seconds, "
    "consistency, return_strategy)": f"{_EXECUTE}, consistency=consistency, return_strategy=return_strategy)",
    "get_workflow(workflow_id, include_tasks)": "get(workflow_id, include_tasks=include_tasks)",
    "get_workflow_status(workflow_id, include_output, include_variables)": (
        "get_status(workflow_id, include_output=include_output, include_variables=include_variables)"
    ),
    "delete_workflow(workflow_id, archive_workflow)": "delete(workflow_id, archive=archive_workflow)",
    "remove_workflow(workflow_id, archive_workflow)": "delete(workflow_id, archive=archive_workflow)",
    "terminate_workflow(workflow_id, reason, trigger_failure_workflow)": (
        "terminate(workflow_id, reason, trigger_failure_workflow=trigger_failure_workflow)"
    ),
    "pause_workflow(workflow_id)": "pause(workflow_id)",
    "resume_workflow(workflow_id)": "resume(workflow_id)",
    "restart_workflow(workflow_id, use_latest_def)": "restart(workflow_id, use_latest_definitions=use_latest_def)",
    "retry_workflow(workflow_id, resume_subworkflow_tasks)": (
        "retry(workflow_id, resume_subworkflow_tasks=resume_subworkflow_tasks)"
    ),
    "rerun_workflow(workflow_id, rerun_workflow_request)": "rerun(workflow_id, rerun_workflow_request)",
    "skip_task_from_workflow(workflow_id, task_reference_name, request)": "skip_task(workflow_id, task_reference_name)",
    "test_workflow(test_request)": "test(test_request)",
    "search(start, size, free_text, query)": "search(query=query, free_text=free_text, start=start, size=size)",
    "get_by_correlation_ids(workflow_name, correlation_ids, include_completed, include_tasks)": (
        "list_by_correlation_ids(workflow_name, correlation_ids, include_closed=include_completed, "
        "include_tasks=include_tasks)"
    ),
    "update_variables(workflow_id, variables)": "update_variables(workflow_id, variables)",
    "update_state(workflow_id, update_requesst, wait_until_task_ref_names, wait_for_seconds)": (
        "update_state(workflow_id, update_requesst, wait_until=wait_until_task_ref_names, wait_for=wait_for_seconds)"
    ),
}
#: Methods by the kind of the object, which ``kinds`` infers. A method of an executor starts at ``ConductorClient``.
METHODS: Mapping[str, Mapping[str, str]] = {
    "WorkflowClient": _WORKFLOWS,
    "OrkesClients": {
        "get_workflow_client()": "workflows",
        "get_workflow_executor()": "",
        "get_authorization_client()": "",
        "get_metadata_client()": "metadata",
        "get_task_client()": "tasks",
        "get_scheduler_client()": "schedules",
        "get_secret_client()": "secrets",
        "get_prompt_client()": "prompts",
        "get_integration_client()": "integrations",
        "get_schema_client()": "schemas",
        "get_service_registry_client()": "services",
    },
    "WorkflowExecutor": {
        "register_workflow(workflow, overwrite)": "metadata.register_workflow(workflow, overwrite=overwrite)",
        "start_workflow(start_workflow_request)": "workflows.start(start_workflow_request)",
        "execute_workflow(request, wait_until_task_ref, wait_for_seconds, request_id)": (
            "workflows.execute(request, wait_until=wait_until_task_ref, wait_for=wait_for_seconds, "
            "request_id=request_id)"
        ),
        "execute_workflow_with_return_strategy(request, wait_until_task_ref, wait_for_seconds, request_id, "
        "consistency, return_strategy)": (
            "workflows.execute(request, wait_until=wait_until_task_ref, wait_for=wait_for_seconds, "
            "request_id=request_id, consistency=consistency, return_strategy=return_strategy)"
        ),
        "execute(name, version, workflow_input, wait_until_task_ref, wait_for_seconds, request_id, correlation_id)": (
            "workflows.execute(name, workflow_input, version=version, wait_until=wait_until_task_ref, "
            "wait_for=wait_for_seconds, request_id=request_id, correlation_id=correlation_id)"
        ),
        "remove_workflow(workflow_id, archive_workflow)": "workflows.delete(workflow_id, archive=archive_workflow)",
        "get_workflow(workflow_id, include_tasks)": "workflows.get(workflow_id, include_tasks=include_tasks)",
        "get_workflow_status(workflow_id, include_output, include_variables)": (
            "workflows.get_status(workflow_id, include_output=include_output, include_variables=include_variables)"
        ),
        "get_by_correlation_ids(workflow_name, correlation_ids, include_closed, include_tasks)": (
            "workflows.list_by_correlation_ids(workflow_name, correlation_ids, include_closed=include_closed, "
            "include_tasks=include_tasks)"
        ),
        "pause(workflow_id)": "workflows.pause(workflow_id)",
        "resume(workflow_id)": "workflows.resume(workflow_id)",
        "terminate(workflow_id, reason, trigger_failure_workflow)": (
            "workflows.terminate(workflow_id, reason, trigger_failure_workflow=trigger_failure_workflow)"
        ),
        "restart(workflow_id, use_latest_definitions)": (
            "workflows.restart(workflow_id, use_latest_definitions=use_latest_definitions)"
        ),
        "retry(workflow_id, resume_subworkflow_tasks)": (
            "workflows.retry(workflow_id, resume_subworkflow_tasks=resume_subworkflow_tasks)"
        ),
        "rerun(rerun_workflow_request, workflow_id)": "workflows.rerun(workflow_id, rerun_workflow_request)",
        "skip_task_from_workflow(workflow_id, task_reference_name, skip_task_request)": (
            "workflows.skip_task(workflow_id, task_reference_name)"
        ),
        "update_task(task_id, workflow_id, task_output, status)": (
            "tasks.update(task_id=task_id, workflow_id=workflow_id, output=task_output, status=status)"
        ),
        "update_task_by_ref_name(task_output, workflow_id, task_reference_name, status)": (
            "tasks.update_by_reference_name(workflow_id, task_reference_name, status, task_output)"
        ),
        "update_task_by_ref_name_sync(task_output, workflow_id, task_reference_name, status)": (
            "tasks.update_sync(workflow_id, task_reference_name, status, task_output)"
        ),
        "get_task(task_id)": "tasks.get(task_id)",
        "signal(workflow_id, status, body, return_strategy)": (
            "tasks.signal(workflow_id, status, body, return_strategy=return_strategy)"
        ),
        "signal_async(workflow_id, status, body)": "tasks.signal_async(workflow_id, status, body)",
        "send_message(workflow_id, message)": "messages.send(workflow_id, message)",
    },
    "MetadataClient": {
        "register_workflow_def(workflow_def, overwrite)": "register_workflow(workflow_def, overwrite=overwrite)",
        "update_workflow_def(workflow_def, overwrite)": "update_workflows([workflow_def])",
        "unregister_workflow_def(workflow_name, version)": "unregister_workflow(workflow_name, version)",
        "get_workflow_def(name, version)": "get_workflow(name, version)",
        "get_all_workflow_defs()": "list_workflows()",
        "register_task_def(task_def)": "register_task(task_def)",
        "update_task_def(task_def)": "update_task(task_def)",
        "unregister_task_def(task_type)": "unregister_task(task_type)",
        "get_task_def(task_type)": "get_task(task_type)",
        "get_all_task_defs()": "list_tasks()",
    },
    "TaskClient": {
        "poll_task(task_type, worker_id, domain)": "poll(task_type, worker_id=worker_id, domain=domain)",
        "batch_poll_tasks(task_type, worker_id, count, timeout_in_millisecond, domain)": (
            "poll_batch(task_type, count=count, timeout_ms=timeout_in_millisecond, worker_id=worker_id, domain=domain)"
        ),
        "get_task(task_id)": "get(task_id)",
        "update_task(task_result)": "update(task_result)",
        "update_task_by_ref_name(workflow_id, task_ref_name, status, output, worker_id)": (
            "update_by_reference_name(workflow_id, task_ref_name, status, output, worker_id=worker_id)"
        ),
        "update_task_sync(workflow_id, task_ref_name, status, output, worker_id)": (
            "update_sync(workflow_id, task_ref_name, status, output, worker_id=worker_id)"
        ),
        "get_queue_size_for_task(task_type)": "get_queue_size(task_type)",
        "add_task_log(task_id, log_message)": "add_log(task_id, log_message)",
        "get_task_logs(task_id)": "list_logs(task_id)",
        "get_task_poll_data(task_type)": "list_poll_data(task_type)",
    },
    "SchedulerClient": {
        "save_schedule(save_schedule_request)": "save(save_schedule_request)",
        "get_schedule(name)": "get(name)",
        "get_all_schedules(workflow_name)": "list(workflow_name)",
        "get_next_few_schedule_execution_times(cron_expression, schedule_start_time, schedule_end_time, limit)": (
            "preview(cron_expression, start_time=schedule_start_time, end_time=schedule_end_time, limit=limit)"
        ),
        "delete_schedule(name)": "delete(name)",
        "pause_schedule(name, reason)": "pause(name, reason)",
        "pause_all_schedules()": "pause_all()",
        "resume_schedule(name)": "resume(name)",
        "resume_all_schedules()": "resume_all()",
        "search_schedule_executions(start, size, sort, free_text, query)": (
            "search_executions(query=query, free_text=free_text, sort=sort, start=start, size=size)"
        ),
        "requeue_all_execution_records()": "requeue_all_executions()",
        "set_scheduler_tags(tags, name)": "set_tags(name, tags)",
        "get_scheduler_tags(name)": "list_tags(name)",
        "delete_scheduler_tags(tags, name)": "delete_tags(name, tags)",
    },
    "SecretClient": {
        "put_secret(key, value)": "save(key, value)",
        "get_secret(key)": "get(key)",
        "delete_secret(key)": "delete(key)",
        "secret_exists(key)": "exists(key)",
        "list_all_secret_names()": "list_names()",
        "list_secrets_that_user_can_grant_access_to()": "list_grantable()",
        "set_secret_tags(tags, key)": "set_tags(key, tags)",
        "get_secret_tags(key)": "list_tags(key)",
        "delete_secret_tags(tags, key)": "delete_tags(key, tags)",
    },
    "PromptClient": {
        "save_prompt(prompt_name, description, prompt_template, models, version, auto_increment)": (
            "save(prompt_name, prompt_template, description=description, models=models, version=version, "
            "auto_increment=auto_increment)"
        ),
        "get_prompt(prompt_name)": "get(prompt_name)",
        "get_prompts()": "list()",
        "delete_prompt(prompt_name)": "delete(prompt_name)",
        "get_tags_for_prompt_template(prompt_name)": "list_tags(prompt_name)",
        "update_tag_for_prompt_template(prompt_name, tags)": "set_tags(prompt_name, tags)",
        "delete_tag_for_prompt_template(prompt_name, tags)": "delete_tags(prompt_name, tags)",
    },
    "IntegrationClient": {
        "save_integration(integration_name, integration_details)": (
            "save_provider(integration_name, integration_details)"
        ),
        "get_integration(integration_name)": "get_provider(integration_name)",
        "get_integrations()": "list_providers()",
        "delete_integration(integration_name)": "delete_provider(integration_name)",
        "save_integration_api(integration_name, api_name, api_details)": (
            "save_api(integration_name, api_name, api_details)"
        ),
        "get_integration_api(api_name, integration_name)": "get_api(integration_name, api_name)",
        "get_integration_apis(integration_name)": "list_apis(integration_name)",
        "delete_integration_api(api_name, integration_name)": "delete_api(integration_name, api_name)",
        "associate_prompt_with_integration(ai_integration, model_name, prompt_name)": (
            "associate_prompt(ai_integration, model_name, prompt_name)"
        ),
        "get_prompts_with_integration(ai_integration, model_name)": "list_prompts(ai_integration, model_name)",
        "get_token_usage_for_integration(name, integration_name)": "get_token_usage(integration_name, name)",
        "get_token_usage_for_integration_provider(name)": "get_provider_token_usage(name)",
        "put_tag_for_integration(body, name, integration_name)": "set_api_tags(integration_name, name, body)",
        "put_tag_for_integration_provider(body, name)": "set_provider_tags(name, body)",
        "get_tags_for_integration(name, integration_name)": "list_api_tags(integration_name, name)",
        "get_tags_for_integration_provider(name)": "list_provider_tags(name)",
        "get_integration_available_apis(integration_name)": "list_available_apis(integration_name)",
    },
    "SchemaClient": {
        "register_schema(schema)": "save(schema)",
        "get_schema(schema_name, version)": "get(schema_name, version)",
        "get_all_schemas()": "list()",
        "delete_schema(schema_name, version)": "delete(schema_name, version)",
        "delete_schema_by_name(schema_name)": "delete_all_versions(schema_name)",
    },
    "ServiceRegistryClient": {
        "get_registered_services()": "list()",
        "get_service(name)": "get(name)",
        "add_or_update_service(service_registry)": "save(service_registry)",
        "remove_service(name)": "delete(name)",
        "open_circuit_breaker(name)": "open_circuit_breaker(name)",
        "close_circuit_breaker(name)": "close_circuit_breaker(name)",
        "get_circuit_breaker_status(name)": "get_circuit_breaker(name)",
        "discover(name, create)": "discover(name, create=create)",
    },
    "AuthorizationClient": {
        "create_application(create_or_update_application_request)": (
            "applications.create(create_or_update_application_request.name)"
        ),
        "update_application(create_or_update_application_request, application_id)": (
            "applications.update(application_id, create_or_update_application_request.name)"
        ),
        "upsert_user(upsert_user_request, user_id)": (
            "users.save(user_id, upsert_user_request.name, roles=upsert_user_request.roles, "
            "groups=upsert_user_request.groups)"
        ),
        "upsert_group(upsert_group_request, group_id)": (
            "groups.save(group_id, upsert_group_request.description, roles=upsert_group_request.roles, "
            "default_access=upsert_group_request.default_access)"
        ),
        "create_role(create_role_request)": (
            "roles.create(create_role_request['name'], create_role_request['permissions'])"
        ),
        "update_role(role_name, update_role_request)": ("roles.update(role_name, update_role_request['permissions'])"),
        "get_application(application_id)": "applications.get(application_id)",
        "list_applications()": "applications.list()",
        "delete_application(application_id)": "applications.delete(application_id)",
        "get_app_by_access_key_id(access_key_id)": "applications.get_by_access_key(access_key_id)",
        "add_role_to_application_user(application_id, role)": "applications.add_role(application_id, role)",
        "remove_role_from_application_user(application_id, role)": "applications.remove_role(application_id, role)",
        "set_application_tags(tags, application_id)": "applications.set_tags(application_id, tags)",
        "get_application_tags(application_id)": "applications.list_tags(application_id)",
        "delete_application_tags(tags, application_id)": "applications.delete_tags(application_id, tags)",
        "create_access_key(application_id)": "applications.create_access_key(application_id)",
        "get_access_keys(application_id)": "applications.list_access_keys(application_id)",
        "toggle_access_key_status(application_id, key_id)": "applications.toggle_access_key(application_id, key_id)",
        "delete_access_key(application_id, key_id)": "applications.delete_access_key(application_id, key_id)",
        "get_user(user_id)": "users.get(user_id)",
        "list_users(apps)": "users.list(apps=apps)",
        "delete_user(user_id)": "users.delete(user_id)",
        "get_granted_permissions_for_user(user_id)": "users.list_permissions(user_id)",
        "check_permissions(user_id, target_type, target_id)": (
            "users.check_permissions(user_id, target_type, target_id)"
        ),
        "get_group(group_id)": "groups.get(group_id)",
        "list_groups()": "groups.list()",
        "delete_group(group_id)": "groups.delete(group_id)",
        "get_granted_permissions_for_group(group_id)": "groups.list_permissions(group_id)",
        "add_user_to_group(group_id, user_id)": "groups.add_user(group_id, user_id)",
        "add_users_to_group(group_id, user_ids)": "groups.add_users(group_id, user_ids)",
        "get_users_in_group(group_id)": "groups.list_users(group_id)",
        "remove_user_from_group(group_id, user_id)": "groups.remove_user(group_id, user_id)",
        "remove_users_from_group(group_id, user_ids)": "groups.remove_users(group_id, user_ids)",
        "grant_permissions(subject, target, access)": "permissions.grant(subject, target, access)",
        "remove_permissions(subject, target, access)": "permissions.remove(subject, target, access)",
        "get_permissions(target)": "permissions.list(target.type, target.id)",
        "list_all_roles()": "roles.list()",
        "list_system_roles()": "roles.list_system()",
        "list_custom_roles()": "roles.list_custom()",
        "list_available_permissions()": "roles.list_permissions()",
        "get_role(role_name)": "roles.get(role_name)",
        "delete_role(role_name)": "roles.delete(role_name)",
        "get_user_info_from_token()": "tokens.get_user_info()",
        "generate_token(key_id, key_secret)": "tokens.create(key_id, key_secret)",
        "create_gateway_auth_config(auth_config)": "gateway.create_auth_config(auth_config)",
        "get_gateway_auth_config(config_id)": "gateway.get_auth_config(config_id)",
        "list_gateway_auth_configs()": "gateway.list_auth_configs()",
        "update_gateway_auth_config(config_id, auth_config)": "gateway.update_auth_config(config_id, auth_config)",
        "delete_gateway_auth_config(config_id)": "gateway.delete_auth_config(config_id)",
    },
    "TaskHandler": {
        "start_processes()": "start()",
        "stop_processes()": "stop()",
        "join_processes()": "join()",
        "is_healthy()": "health().is_live",
        "get_worker_process_status()": "health()",
    },
    "TaskContext": {
        "get_task_id()": "task_id",
        "get_workflow_instance_id()": "workflow_id",
        "get_retry_count()": "retry_count",
        "get_poll_count()": "poll_count",
        "get_input()": "input",
        "get_task_def_name()": "task_type",
        "get_workflow_task_type()": "task.task_type",
        "get_callback_after_seconds()": "callback_after_seconds",
        "add_log(log_message)": "log(log_message)",
        "set_callback_after(seconds)": "callback_after(seconds)",
    },
    "WorkflowRun": {
        "is_completed()": "status.is_terminal",
        "is_successful()": "status.is_successful",
    },
    "WorkflowExecution": {
        "is_completed()": "is_terminal",
        "is_successful()": "is_successful",
        "get_task(name, task_reference_name)": "task(task_reference_name)",
    },
    "ApiException": {"is_not_found()": "status == 404"},
}
#: The kinds of objects that methods return.
RESULTS: Mapping[str, str] = {
    "get_workflow_client": "WorkflowClient",
    "get_workflow_executor": "WorkflowExecutor",
    "get_authorization_client": "AuthorizationClient",
    "get_metadata_client": "MetadataClient",
    "get_task_client": "TaskClient",
    "get_scheduler_client": "SchedulerClient",
    "get_secret_client": "SecretClient",
    "get_prompt_client": "PromptClient",
    "get_integration_client": "IntegrationClient",
    "get_schema_client": "SchemaClient",
    "get_service_registry_client": "ServiceRegistryClient",
    "execute_workflow": "WorkflowRun",
    "execute_workflow_with_return_strategy": "WorkflowRun",
    "execute": "WorkflowRun",
    "update_state": "WorkflowRun",
    "get_workflow": "WorkflowExecution",
    "test_workflow": "WorkflowExecution",
    "get_task": "Task",
    "poll_task": "Task",
    "to_task_result": "TaskResult",
    "get_task_result_from_task": "TaskResult",
    "get_task_context": "TaskContext",
}
_MODEL = "stop_words=stop_words, max_tokens=max_tokens, temperature=temperature, top_p=top_p"
_EMBEDDING = "embedding_provider=embedding_model.provider, embedding_model=embedding_model.model"
#: The classes of steps.
STEPS: Mapping[str, str] = {
    "SimpleTask(task_def_name, task_reference_name)": "simple(task_def_name, _inputs, ref=task_reference_name)",
    "SetVariableTask(task_ref_name)": "set_variable(_inputs, ref=task_ref_name)",
    "WaitTask(task_ref_name, wait_until, wait_for_seconds)": (
        "wait(wait_for_seconds, until=wait_until, ref=task_ref_name)"
    ),
    "WaitForDurationTask(task_ref_name, duration_time_seconds)": "wait(duration_time_seconds, ref=task_ref_name)",
    "WaitUntilTask(task_ref_name, date_time)": "wait(until=date_time, ref=task_ref_name)",
    "InlineTask(task_ref_name, script, bindings)": "inline(script, _inputs, ref=task_ref_name)",
    "JavascriptTask(task_ref_name, script, bindings)": "inline(script, _inputs, ref=task_ref_name)",
    "JsonJQTask(task_ref_name, script)": "jq(script, _inputs, ref=task_ref_name)",
    "SwitchTask(task_ref_name, case_expression, use_javascript)": (
        "switch(case_expression, _cases, default=_default, inputs=_inputs, ref=task_ref_name)"
    ),
    "ForkTask(task_ref_name, forked_tasks, join_on)": "fork(*forked_tasks, join_on=join_on, ref=task_ref_name)",
    "JoinTask(task_ref_name, join_on, join_on_script)": "join(join_on, script=join_on_script, ref=task_ref_name)",
    "DynamicForkTask(task_ref_name, tasks_param, tasks_input_param_name, join_task)": (
        "dynamic_fork(_tasks, _task_inputs, join=join_task, ref=task_ref_name)"
    ),
    "DynamicTask(dynamic_task, task_reference_name, dynamic_task_param)": (
        "dynamic(dynamic_task, _inputs, param=dynamic_task_param, ref=task_reference_name)"
    ),
    "DoWhileTask(task_ref_name, termination_condition, tasks)": (
        "do_while(tasks, condition=termination_condition, inputs=_inputs, ref=task_ref_name)"
    ),
    "LoopTask(task_ref_name, iterations, tasks)": (
        "do_while(tasks, count=iterations, inputs=_inputs, ref=task_ref_name)"
    ),
    "ForEachTask(task_ref_name, tasks, iterate_over, variables)": "for_each(iterate_over, tasks, ref=task_ref_name)",
    "SubWorkflowTask(task_ref_name, workflow_name, version, task_to_domain_map)": (
        "sub_workflow(workflow_name, _inputs, version=version, task_to_domain=task_to_domain_map, ref=task_ref_name)"
    ),
    "InlineSubWorkflowTask(task_ref_name, workflow)": "sub_workflow(workflow, _inputs, inline=True, ref=task_ref_name)",
    "StartWorkflowTask(task_ref_name, workflow_name, start_workflow_request, version)": (
        "start_workflow(workflow_name, start_workflow_request.input, version=version, "
        "correlation_id=start_workflow_request.correlation_id, ref=task_ref_name)"
    ),
    "HumanTask(task_ref_name, display_name, form_template, form_version, assignment_completion_strategy)": (
        "human(_inputs, display_name=display_name, form=(form_template, form_version), "
        "completion_strategy=assignment_completion_strategy, ref=task_ref_name)"
    ),
    "TerminateTask(task_ref_name, status, termination_reason)": (
        "terminate(status, termination_reason, ref=task_ref_name)"
    ),
    "EventTaskInterface(task_ref_name, event_prefix, event_suffix)": (
        'event(f"{event_prefix}:{event_suffix}", _inputs, ref=task_ref_name)'
    ),
    "SqsEventTask(task_ref_name, queue_name)": 'event(f"sqs:{queue_name}", _inputs, ref=task_ref_name)',
    "ConductorEventTask(task_ref_name, event_name)": 'event(f"conductor:{event_name}", _inputs, ref=task_ref_name)',
    "KafkaPublishTask(task_ref_name, kafka_publish_input)": (
        "kafka_publish(_topic, _value, servers=_bootstrap_servers, key=_key, key_serializer=_key_serializer, "
        "headers=_headers, request_timeout_ms=_request_timeout_ms, max_block_ms=_max_block_ms, ref=task_ref_name)"
    ),
    "HttpTask(task_ref_name, http_input)": (
        "http(_uri, _method, headers=_headers, body=_body, accept=_accept, content_type=_content_type, "
        "connection_timeout_ms=_connection_time_out, read_timeout_ms=_read_timeout, inputs=_inputs, ref=task_ref_name)"
    ),
    "HttpPollTask(task_ref_name, http_input)": (
        "http_poll(_uri, _termination_condition, method=_method, interval=_polling_interval, "
        "strategy=_polling_strategy, max_polls=_max_poll_count, headers=_headers, body=_body, accept=_accept, "
        "content_type=_content_type, connection_timeout_ms=_connection_time_out, read_timeout_ms=_read_timeout, "
        "ref=task_ref_name)"
    ),
    "WaitForWebHookTask(task_ref_name, matches)": "wait_for_webhook(matches, ref=task_ref_name)",
    "wait_for_webhook(task_ref_name, matches, task_def_name)": (
        "wait_for_webhook(matches, name=task_def_name, ref=task_ref_name)"
    ),
    "PullWorkflowMessagesTask(task_ref_name, batch_size)": "pull_workflow_messages(batch_size, ref=task_ref_name)",
    "GetDocument(task_name, task_ref_name, url, media_type)": (
        "get_document(url, media_type=media_type, name=task_name, ref=task_ref_name)"
    ),
    "LlmChatComplete(task_ref_name, llm_provider, model, messages, instructions_template, template_variables, "
    "prompt_version, tools, user_input, json_output, google_search_retrieval, input_schema, output_schema, "
    "output_mime_type, thinking_token_limit, reasoning_effort, output_location, voice, participants, stop_words, "
    "max_tokens, temperature, top_p, top_k, frequency_penalty, presence_penalty, max_results, task_name)": (
        "llm_chat_complete(llm_provider, model, messages, instructions=instructions_template, "
        "prompt_variables=template_variables, prompt_version=prompt_version, tools=tools, user_input=user_input, "
        "json_output=json_output, google_search_retrieval=google_search_retrieval, input_schema=input_schema, "
        "output_schema=output_schema, output_mime_type=output_mime_type, thinking_token_limit=thinking_token_limit, "
        "reasoning_effort=reasoning_effort, output_location=output_location, voice=voice, participants=participants, "
        f"{_MODEL}, top_k=top_k, frequency_penalty=frequency_penalty, presence_penalty=presence_penalty, "
        "max_results=max_results, name=task_name, inputs=_inputs, ref=task_ref_name)"
    ),
    "LlmTextComplete(task_ref_name, llm_provider, model, prompt_name, prompt_version, stop_words, max_tokens, "
    "temperature, top_p, top_k, frequency_penalty, presence_penalty, max_results, json_output, task_name)": (
        "llm_text_complete(llm_provider, model, prompt_name=prompt_name, prompt_version=prompt_version, "
        f"{_MODEL}, top_k=top_k, frequency_penalty=frequency_penalty, presence_penalty=presence_penalty, "
        "max_results=max_results, json_output=json_output, name=task_name, prompt_variables=_prompt_variables, "
        "inputs=_inputs, ref=task_ref_name)"
    ),
    "LlmIndexText(task_ref_name, vector_db, index, embedding_model, text, doc_id, namespace, task_name, metadata, url, "
    "chunk_size, chunk_overlap, dimensions)": (
        f"llm_index_text(vector_db, index, text, {_EMBEDDING}, doc_id=doc_id, namespace=namespace, name=task_name, "
        "document_metadata=metadata, url=url, chunk_size=chunk_size, chunk_overlap=chunk_overlap, "
        "dimensions=dimensions, ref=task_ref_name)"
    ),
    "LlmIndexDocument(task_ref_name, vector_db, namespace, embedding_model, index, url, media_type, chunk_size, "
    "chunk_overlap, doc_id, task_name, metadata, dimensions)": (
        f"llm_index_document(vector_db, index, url, {_EMBEDDING}, media_type=media_type, doc_id=doc_id, "
        "namespace=namespace, chunk_size=chunk_size, chunk_overlap=chunk_overlap, document_metadata=metadata, "
        "name=task_name, ref=task_ref_name)"
    ),
    "LlmSearchIndex(task_ref_name, vector_db, namespace, index, embedding_model_provider, embedding_model, query, "
    "task_name, max_results, dimensions)": (
        "llm_search_index(vector_db, index, query, embedding_provider=embedding_model_provider, "
        "embedding_model=embedding_model, namespace=namespace, max_results=max_results, dimensions=dimensions, "
        "name=task_name, ref=task_ref_name)"
    ),
    "LlmQueryEmbeddings(task_ref_name, vector_db, index, embeddings, task_name, namespace)": (
        "llm_get_embeddings(vector_db, index, embeddings, namespace=namespace, name=task_name, ref=task_ref_name)"
    ),
    "LlmGenerateEmbeddings(task_ref_name, llm_provider, model, text, dimensions, task_name)": (
        "llm_generate_embeddings(llm_provider, model, text, dimensions=dimensions, name=task_name, ref=task_ref_name)"
    ),
    "ListMcpTools(task_ref_name, mcp_server, headers, task_name)": (
        "list_mcp_tools(mcp_server, headers=headers, name=task_name, ref=task_ref_name)"
    ),
    "CallMcpTool(task_ref_name, mcp_server, method, arguments, headers, task_name)": (
        "call_mcp_tool(mcp_server, method, arguments, headers=headers, name=task_name, ref=task_ref_name)"
    ),
}
#: The value that ``output("x")`` of a step reads from, if it is not the output.
OUTPUTS: Mapping[str, str] = {"JavascriptTask": "output.result"}
#: Setters of ``ConductorWorkflow`` that are arguments of ``Workflow``.
LATER: Mapping[str, str] = {
    "timeout_seconds": "timeout",
    "timeout_policy": "timeout_policy",
    "owner_email": "owner_email",
    "failure_workflow": "failure_workflow",
    "restartable": "restartable",
    "input_parameters": "input_parameters",
    "input_template": "input_template",
    "workflow_input": "input_template",
    "variables": "variables",
    "description": "description",
    "version": "version",
}
#: Members of enumerations that are strings here.
CONSTANTS: Mapping[str, Mapping[str, str]] = {
    "HttpMethod": {},
    "Role": {"USER": "user", "ASSISTANT": "assistant", "SYSTEM": "system", "TOOL": "tool"},
    "WorkflowStatus": {"TIMEOUT_OUT": "TIMED_OUT"},
    "TimeoutPolicy": {"TIME_OUT_WORKFLOW": "TIME_OUT_WF", "ALERT_ONLY": "ALERT_ONLY"},
    "AssignmentCompletionStrategy": {},
    "StateChangeEventType": {},
}
#: Models with a different name in this SDK.
MODEL_NAMES: Mapping[str, str] = {
    "MetadataTag": "Tag",
    "TagObject": "Tag",
    "TagString": "Tag",
    "WorkflowTag": "Tag",
    "ConductorUser": "User",
    "ConductorApplication": "Application",
    "GrantedPermission": "GrantedAccess",
    "WorkflowSignalReturnStrategy": "ReturnStrategy",
    "SaveScheduleRequest": "WorkflowSchedule",
    "WorkflowScheduleExecutionModel": "WorkflowScheduleExecution",
}
#: Attributes of models with a different name in this SDK.
MODEL_FIELDS: Mapping[str, Mapping[str, str]] = {
    "RerunWorkflowRequest": {
        "re_run_from_workflow_id": "rerun_from_workflow_id",
        "re_run_from_task_id": "rerun_from_task_id",
    },
    "WorkflowExecution": {"re_run_from_workflow_id": "rerun_from_workflow_id"},
    "Task": {"execution_name_space": "execution_namespace", "subworkflow_changed": "sub_workflow_changed"},
    "TaskDef": {"execution_name_space": "execution_namespace"},
    "WorkflowDef": {"_tasks": "tasks"},
}
#: Parameters of models that programs pass by position, in the old order.
MODEL_ORDER: Mapping[str, tuple[str, ...]] = {
    "SubjectRef": ("type", "id"),
    "TargetRef": ("type", "id"),
    "StateChangeEvent": ("type", "payload"),
}
#: Arguments that a model needs here, and that programs set as attributes afterwards.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "CorrelationIdsSearchRequest": ("correlation_ids", "workflow_names"),
    "CreateOrUpdateApplicationRequest": ("name",),
    "EventHandler": ("name", "event", "actions"),
    "SaveScheduleRequest": ("cron_expression", "name", "start_workflow_request"),
    "SchemaDef": ("name", "type"),
    "StartWorkflowRequest": ("name",),
    "StateChangeEvent": ("type",),
    "SubjectRef": ("id",),
    "TargetRef": ("id", "type"),
    "TaskDef": ("name",),
    "TaskResult": ("workflow_instance_id", "task_id", "status"),
    "UpsertGroupRequest": ("description",),
    "UpsertUserRequest": ("name",),
    "WorkflowDef": ("name",),
    "WorkflowSchedule": ("name",),
    "WorkflowTask": ("name", "task_reference_name"),
    "WorkflowTestRequest": ("name",),
}
