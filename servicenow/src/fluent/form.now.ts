import '@servicenow/sdk/global'
import { Form, UiPolicy, default_view } from '@servicenow/sdk/core'

// The sections of the settings form, in the order in which an administrator fills them in.
export const settingsForm = Form({
    table: 'x_rescue_conn_settings',
    view: default_view,
    sections: [
        {
            caption: 'Connection',
            content: [
                {
                    layout: 'two-column',
                    leftElements: [
                        { field: 'setup_link', type: 'table_field' },
                        { field: 'tenant', type: 'table_field' },
                        { field: 'managed_by', type: 'table_field' },
                    ],
                    rightElements: [
                        { field: 'enabled', type: 'table_field' },
                        { field: 'connector_url', type: 'table_field' },
                        { field: 'language', type: 'table_field' },
                    ],
                },
                {
                    layout: 'one-column',
                    elements: [
                        { field: 'webhook_keys', type: 'table_field' },
                    ],
                },
            ],
        },
        {
            caption: 'Rescue',
            content: [
                {
                    layout: 'two-column',
                    leftElements: [
                        { field: 'rescue_company_id', type: 'table_field' },
                        { field: 'sso_password', type: 'table_field' },
                        { field: 'rescue_api_token', type: 'table_field' },
                        { field: 'technician_domains', type: 'table_field' },
                    ],
                    rightElements: [
                        { field: 'rescue_account', type: 'table_field' },
                        { field: 'sso_password_state', type: 'table_field' },
                        { field: 'rescue_api_token_state', type: 'table_field' },
                        { field: 'require_console', type: 'table_field' },
                    ],
                },
                {
                    layout: 'one-column',
                    elements: [
                        { field: 'rescue_base_url', type: 'table_field' },
                    ],
                },
            ],
        },
        {
            caption: 'ServiceNow',
            content: [
                {
                    layout: 'two-column',
                    leftElements: [
                        { field: 'service_account', type: 'table_field' },
                        { field: 'service_account_password', type: 'table_field' },
                        { field: 'client_id', type: 'table_field' },
                        { field: 'oauth_client_secret', type: 'table_field' },
                        { field: 'instance', type: 'table_field' },
                    ],
                    rightElements: [
                        { field: 'grant_type', type: 'table_field' },
                        { field: 'service_account_password_state', type: 'table_field' },
                        { field: 'refresh_token_lifetime', type: 'table_field' },
                        { field: 'oauth_client_secret_state', type: 'table_field' },
                        { field: 'allow_host', type: 'table_field' },
                    ],
                },
            ],
        },
        {
            caption: 'PIN button and e-mails',
            content: [
                {
                    layout: 'two-column',
                    leftElements: [
                        { field: 'show_button', type: 'table_field' },
                        { field: 'pin_note', type: 'table_field' },
                    ],
                    rightElements: [
                        { field: 'email_technician', type: 'table_field' },
                        { field: 'email_customer', type: 'table_field' },
                    ],
                },
            ],
        },
        {
            caption: 'Session details',
            content: [
                {
                    layout: 'two-column',
                    leftElements: [
                        { field: 'publish', type: 'table_field' },
                    ],
                    rightElements: [
                        { field: 'chat', type: 'table_field' },
                    ],
                },
                {
                    layout: 'one-column',
                    elements: [
                        { field: 'published_fields', type: 'table_field' },
                    ],
                },
            ],
        },
        {
            caption: 'Records',
            content: [
                {
                    layout: 'two-column',
                    leftElements: [
                        { field: 'console_sessions', type: 'table_field' },
                        { field: 'session_table', type: 'table_field' },
                        { field: 'reference_fields', type: 'table_field' },
                        { field: 'require_signed_tracking', type: 'table_field' },
                    ],
                    rightElements: [
                        { field: 'closed_records', type: 'table_field' },
                        { field: 'caller_field', type: 'table_field' },
                        { field: 'reauthorization_wait', type: 'table_field' },
                    ],
                },
                {
                    layout: 'one-column',
                    elements: [
                        { field: 'record_types', type: 'table_field' },
                        { field: 'record_columns', type: 'table_field' },
                        { field: 'new_record_columns', type: 'table_field' },
                    ],
                },
            ],
        },
        {
            caption: 'Missed sessions',
            content: [
                {
                    layout: 'two-column',
                    leftElements: [
                        { field: 'reconcile', type: 'table_field' },
                        { field: 'reconcile_after', type: 'table_field' },
                    ],
                    rightElements: [
                        { field: 'report_technician', type: 'table_field' },
                    ],
                },
                {
                    layout: 'one-column',
                    elements: [
                        { field: 'report_nodes', type: 'table_field' },
                    ],
                },
            ],
        },
        {
            caption: 'Status',
            content: [
                {
                    layout: 'two-column',
                    leftElements: [
                        { field: 'token_state', type: 'table_field' },
                        { field: 'token_expires_at', type: 'table_field' },
                        { field: 'token_days_left', type: 'table_field' },
                        { field: 'token_renews_itself', type: 'table_field' },
                        { field: 'token_rotated_at', type: 'table_field' },
                    ],
                    rightElements: [
                        { field: 'status_read_at', type: 'table_field' },
                        { field: 'last_received_at', type: 'table_field' },
                        { field: 'paused_until', type: 'table_field' },
                        { field: 'warned_at', type: 'table_field' },
                    ],
                },
                {
                    layout: 'one-column',
                    elements: [
                        { field: 'posts_last_day', type: 'table_field' },
                        { field: 'paused', type: 'table_field' },
                    ],
                },
                {
                    layout: 'two-column',
                    leftElements: [
                        { field: 'missed_sessions', type: 'table_field' },
                    ],
                    rightElements: [
                        { field: 'compared_until', type: 'table_field' },
                        { field: 'comparison_failed_at', type: 'table_field' },
                    ],
                },
                {
                    layout: 'one-column',
                    elements: [
                        { field: 'missed_technicians', type: 'table_field' },
                        { field: 'comparison_failure', type: 'table_field' },
                    ],
                },
                {
                    layout: 'two-column',
                    leftElements: [
                        { field: 'test_technician', type: 'table_field' },
                    ],
                    rightElements: [
                        { field: 'tested_at', type: 'table_field' },
                    ],
                },
                {
                    layout: 'one-column',
                    elements: [
                        { field: 'checks', type: 'table_field' },
                    ],
                },
            ],
        },
        {
            caption: 'Debug',
            content: [
                {
                    layout: 'one-column',
                    elements: [
                        { field: 'debug', type: 'table_field' },
                        { field: 'connector_logging', type: 'table_field' },
                        { field: 'rescue_api_logging', type: 'table_field' },
                        { field: 'read_version', type: 'table_field' },
                    ],
                },
            ],
        },
    ],
})

// The connector refuses such changes as well; the form says so before they are typed.
UiPolicy({
    $id: Now.ID['policy-managed-by-file'],
    table: 'x_rescue_conn_settings',
    shortDescription: 'Settings that the operator keeps in a file are shown only',
    conditions: 'managed_by=file^EQ',
    onLoad: true,
    reverseIfFalse: true,
    global: true,
    active: true,
    actions: [
        { field: 'enabled', readOnly: true },
        { field: 'language', readOnly: true },
        { field: 'rescue_account', readOnly: true },
        { field: 'rescue_company_id', readOnly: true },
        { field: 'require_console', readOnly: true },
        { field: 'technician_domains', readOnly: true },
        { field: 'reconcile', readOnly: true },
        { field: 'reconcile_after', readOnly: true },
        { field: 'report_technician', readOnly: true },
        { field: 'report_nodes', readOnly: true },
        { field: 'grant_type', readOnly: true },
        { field: 'client_id', readOnly: true },
        { field: 'service_account', readOnly: true },
        { field: 'refresh_token_lifetime', readOnly: true },
        { field: 'publish', readOnly: true },
        { field: 'published_fields', readOnly: true },
        { field: 'chat', readOnly: true },
        { field: 'console_sessions', readOnly: true },
        { field: 'session_table', readOnly: true },
        { field: 'record_types', readOnly: true },
        { field: 'closed_records', readOnly: true },
        { field: 'reference_fields', readOnly: true },
        { field: 'reauthorization_wait', readOnly: true },
        { field: 'record_columns', readOnly: true },
        { field: 'caller_field', readOnly: true },
        { field: 'new_record_columns', readOnly: true },
        { field: 'email_technician', readOnly: true },
        { field: 'email_customer', readOnly: true },
        { field: 'pin_note', readOnly: true },
        { field: 'connector_logging', readOnly: true },
        { field: 'rescue_api_logging', readOnly: true },
    ],
})

// A refresh token brings its OAuth client along: the client of the settings has no effect then.
UiPolicy({
    $id: Now.ID['policy-client-of-token'],
    table: 'x_rescue_conn_settings',
    shortDescription: 'The OAuth client is set here for the other ways to sign in only',
    conditions: 'managed_by=servicenow^grant_type=refresh_token^EQ',
    onLoad: true,
    reverseIfFalse: true,
    global: true,
    active: true,
    actions: [
        { field: 'client_id', visible: false },
        { field: 'oauth_client_secret', visible: false },
        { field: 'oauth_client_secret_state', visible: false },
    ],
})
