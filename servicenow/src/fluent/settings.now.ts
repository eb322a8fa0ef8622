import '@servicenow/sdk/global'
import {
    Acl,
    BooleanColumn,
    BusinessRule,
    ClientScript,
    DateTimeColumn,
    IntegerColumn,
    MultiLineTextColumn,
    Password2Column,
    Record,
    ScriptInclude,
    StringColumn,
    Table,
    UiAction,
} from '@servicenow/sdk/core'
import { admin } from './roles.now'

ScriptInclude({
    $id: Now.ID['script-setting-fields'],
    name: 'RescueSettingFields',
    description: 'Which column holds which setting of the connector',
    script: Now.include('../scripts/RescueSettingFields.js'),
})

ScriptInclude({
    $id: Now.ID['script-settings'],
    name: 'RescueSettings',
    description: 'Reads the settings from the connector when the form opens, and writes them through when it is saved',
    script: Now.include('../scripts/RescueSettings.js'),
})

// One record. It shows the settings that the connector holds; what only this instance needs is in the columns
// show_button and debug.
export const x_rescue_conn_settings = Table({
    name: 'x_rescue_conn_settings',
    label: 'Rescue Connector settings',
    display: 'tenant',
    accessibleFrom: 'package_private',
    actions: [],
    allowWebServiceAccess: false,
    createAccessControls: false,
    audit: false,
    schema: {
        // Connection
        setup_link: StringColumn({
            label: 'Set-up link',
            maxLength: 250,
            hint: 'The one line that the person who runs the connector gave you. It works once and is not kept',
        }),
        connector_url: StringColumn({ label: 'Connector URL', maxLength: 250, readOnly: true }),
        tenant: StringColumn({
            label: 'Tenant',
            maxLength: 40,
            readOnly: true,
            hint: 'The name of this instance in the connector',
        }),
        connected_instance: StringColumn({ label: 'Connected instance', maxLength: 250, readOnly: true }),
        connected_name: StringColumn({ label: 'Name of the connected instance', maxLength: 100, readOnly: true }),
        api_key: Password2Column({ label: 'API key' }),
        webhook_url_started: Password2Column({ label: 'Webhook URL for the start of a session' }),
        webhook_url_ended: Password2Column({ label: 'Webhook URL for the end of a session' }),
        webhook_key_id: StringColumn({ label: 'Key of these webhook URLs', maxLength: 40, readOnly: true }),
        webhook_keys: StringColumn({
            label: 'Webhook URLs in use',
            maxLength: 250,
            readOnly: true,
            hint: 'The keys of the URLs that Rescue may post to',
        }),
        managed_by: StringColumn({
            label: 'Settings are kept in',
            maxLength: 40,
            readOnly: true,
            choices: { servicenow: { label: 'ServiceNow' }, file: { label: 'A file of the operator' } },
        }),
        enabled: BooleanColumn({
            label: 'Enabled',
            hint: 'Off: no button is shown, and posts of Rescue are answered but not written',
        }),
        language: StringColumn({
            label: 'Language of notes and e-mails',
            maxLength: 40,
            dropdown: 'dropdown_with_none',
            choices: {
                en: { label: 'English', sequence: 0 },
                fr: { label: 'French', sequence: 1 },
                de: { label: 'German', sequence: 2 },
                es: { label: 'Spanish', sequence: 3 },
                it: { label: 'Italian', sequence: 4 },
                pt: { label: 'Portuguese', sequence: 5 },
                nl: { label: 'Dutch', sequence: 6 },
            },
        }),
        // Rescue
        rescue_company_id: StringColumn({
            label: 'Company id',
            maxLength: 40,
            hint: 'Rescue Administration Center, Global Settings, Single Sign-On',
        }),
        sso_password: Password2Column({
            label: 'SSO password',
            hint: 'The company-wide Single Sign-On password of Rescue. Type it to change it; it is sent and not kept here',
        }),
        sso_password_state: StringColumn({ label: 'SSO password: state', maxLength: 100, readOnly: true }),
        rescue_account: StringColumn({
            label: 'Account type',
            maxLength: 40,
            hint: 'Where your company\'s Rescue account is',
            dropdown: 'dropdown_with_none',
            choices: {
                global: { label: 'Standard', sequence: 0 },
                eu: { label: 'Europe', sequence: 1 },
                enterprise: { label: 'Enterprise', sequence: 2 },
            },
        }),
        rescue_api_token: Password2Column({
            label: 'Rescue API token',
            hint: 'Only where Rescue refuses sign-ins through its API. Type it to change it; it is sent and not kept here',
        }),
        rescue_api_token_state: StringColumn({ label: 'Rescue API token: state', maxLength: 100, readOnly: true }),
        require_console: BooleanColumn({
            label: 'PIN needs a running technician console',
            hint: 'On: an agent without a running technician console gets no PIN',
        }),
        technician_domains: StringColumn({
            label: 'Domains of technicians',
            maxLength: 65000,
            hint: 'Domains of e-mail addresses, separated by commas. Empty: all. Once it is set, domains can only be taken out here',
        }),
        rescue_base_url: StringColumn({ label: 'Rescue URL', maxLength: 250, readOnly: true }),
        // ServiceNow
        instance: StringColumn({ label: 'Instance', maxLength: 250, readOnly: true }),
        allow_host: StringColumn({ label: 'Allowed host', maxLength: 250, readOnly: true }),
        service_account: StringColumn({
            label: 'Service account',
            maxLength: 100,
            hint: 'User ID of the user that writes the notes',
        }),
        service_account_password: Password2Column({
            label: 'Password of the service account',
            hint: 'With it the connector renews its token by itself. Type it to change it; it is sent and not kept here',
        }),
        service_account_password_state: StringColumn({
            label: 'Password of the service account: state',
            maxLength: 100,
            readOnly: true,
        }),
        client_id: StringColumn({
            label: 'OAuth client id',
            maxLength: 250,
            hint: 'Of the record in the Application Registry. The token set-up hands its own over with the token; this one is for the other ways to sign in',
        }),
        oauth_client_secret: Password2Column({
            label: 'OAuth client secret',
            hint: 'Of the record in the Application Registry. Type it to change it; it is sent and not kept here',
        }),
        oauth_client_secret_state: StringColumn({ label: 'OAuth client secret: state', maxLength: 100, readOnly: true }),
        grant_type: StringColumn({
            label: 'How the connector signs in',
            maxLength: 40,
            dropdown: 'dropdown_with_none',
            choices: {
                refresh_token: { label: 'Refresh token, from the token set-up', sequence: 0 },
                password: { label: 'Password of the service account', sequence: 1 },
                client_credentials: { label: 'Client credentials, without a password', sequence: 2 },
            },
        }),
        refresh_token_lifetime: StringColumn({
            label: 'Lifetime of a refresh token',
            maxLength: 40,
            hint: 'As in the Application Registry, such as 100 days',
        }),
        // PIN button and e-mails
        show_button: StringColumn({
            label: 'Show the PIN buttons',
            maxLength: 40,
            default: 'always',
            dropdown: 'dropdown_without_none',
            choices: {
                always: { label: 'On every record', sequence: 0 },
                open: { label: 'Until the record is resolved, closed or cancelled', sequence: 1 },
            },
        }),
        email_technician: BooleanColumn({ label: 'E-mail the PIN to the technician' }),
        email_customer: BooleanColumn({ label: 'E-mail a session link to the customer' }),
        pin_note: BooleanColumn({
            label: 'Note each PIN on the record',
            hint: 'A work note that a PIN was generated, without the PIN',
        }),
        // Session details
        publish: StringColumn({
            label: 'Publish session details',
            maxLength: 40,
            dropdown: 'dropdown_with_none',
            choices: {
                all: { label: 'All', sequence: 0 },
                selected: { label: 'Only the selected fields', sequence: 1 },
                none: { label: 'None: nothing from Rescue is written', sequence: 2 },
            },
        }),
        published_fields: StringColumn({
            label: 'Selected fields',
            maxLength: 65000,
            hint: 'Variables of Rescue\'s Post to URL, separated by commas, such as TechName, WorkTime, Note',
        }),
        chat: StringColumn({
            label: 'Chat',
            maxLength: 40,
            dropdown: 'dropdown_with_none',
            choices: {
                note: { label: 'In the work note', sequence: 0 },
                attachment: { label: 'As an attachment', sequence: 1 },
                omit: { label: 'Not written', sequence: 2 },
            },
        }),
        // Records
        console_sessions: StringColumn({
            label: 'Sessions without a record',
            maxLength: 80,
            hint: 'Of sessions that a technician starts in the console, without a PIN of ServiceNow: ignore, so that they are not written, or the table in which each gets a new record, such as incident. case means sn_customerservice_case',
            dropdown: 'suggestion',
            // A suggestion's label is its value, because it is the value that is typed.
            choices: {
                ignore: { label: 'ignore', sequence: 0 },
                incident: { label: 'incident', sequence: 1 },
                case: { label: 'case', sequence: 2 },
                problem: { label: 'problem', sequence: 3 },
                change_request: { label: 'change_request', sequence: 4 },
                sc_req_item: { label: 'sc_req_item', sequence: 5 },
                sc_task: { label: 'sc_task', sequence: 6 },
                interaction: { label: 'interaction', sequence: 7 },
                sn_hr_core_case: { label: 'sn_hr_core_case', sequence: 8 },
            },
        }),
        session_table: StringColumn({
            label: 'Keep a row for each session',
            maxLength: 80,
            hint: 'In the table of Rescue Connector > Rescue sessions, for lists and reports. The service account needs the role x_rescue_conn.connector',
            dropdown: 'dropdown_with_none',
            choices: {
                x_rescue_conn_session: { label: 'In Rescue sessions', sequence: 0 },
            },
        }),
        record_types: MultiLineTextColumn({
            label: 'Record types',
            maxLength: 65000,
            hint: 'Incidents and cases need no line. One table in each line, such as problem, or incident: number_prefix = ACMEINC; closed_states = 6, 7',
        }),
        closed_records: StringColumn({
            label: 'Sessions on closed records',
            maxLength: 40,
            dropdown: 'dropdown_with_none',
            choices: {
                note: { label: 'Write a note on the closed record', sequence: 0 },
                reopen: { label: 'Reopen the record', sequence: 1 },
                new: { label: 'Get a new record', sequence: 2 },
            },
        }),
        reference_fields: StringColumn({
            label: 'Fields with a record number',
            maxLength: 65000,
            hint: 'Rescue fields in which technicians type a number such as INC0012345, separated by commas',
        }),
        record_columns: MultiLineTextColumn({
            label: 'Columns beside the note',
            maxLength: 65000,
            hint: 'One "Rescue variable = column" in each line, such as WorkTime = time_worked (duration), or with (integer), or with neither for text',
        }),
        caller_field: StringColumn({
            label: 'Field with the customer\'s e-mail',
            maxLength: 100,
            hint: 'The Rescue field by which a new record gets its caller, such as CField2',
        }),
        new_record_columns: MultiLineTextColumn({
            label: 'Columns of new records',
            maxLength: 65000,
            hint: 'One "column = value" in each line, such as category = software',
        }),
        require_signed_tracking: BooleanColumn({
            label: 'Only signed tracking fields count',
            readOnly: true,
            hint: 'Only the operator of the connector changes this',
        }),
        reauthorization_wait: StringColumn({
            label: 'Posts wait for a new token',
            maxLength: 40,
            hint: 'How long posts are kept while the token is refused, such as 13 days',
        }),
        // Missed sessions
        reconcile: StringColumn({
            label: 'Sessions that Rescue did not post',
            maxLength: 40,
            hint: 'The connector looks for them in Rescue\'s session report every six hours, such as those of a technician group without webhook URLs',
            dropdown: 'dropdown_with_none',
            choices: {
                off: { label: 'Are not looked for', sequence: 0 },
                watch: { label: 'Are shown in the status', sequence: 1 },
                write: { label: 'Are shown in the status and written from the report', sequence: 2 },
            },
        }),
        reconcile_after: StringColumn({
            label: 'A session counts as missed after',
            maxLength: 40,
            hint: 'How long Rescue may take to post it after its end: from 10 minutes to 1 day, such as 2 hours',
        }),
        report_technician: StringColumn({
            label: 'Technician who reads the report',
            maxLength: 254,
            hint: 'The Single Sign-On id of a technician whom Rescue lets make session reports. Not needed with a Rescue API token: then its holder needs that right, such as a Master Administrator',
        }),
        report_nodes: StringColumn({
            label: 'Technicians, groups and channels of this instance',
            maxLength: 65000,
            hint: 'Their ids in Rescue, separated by commas. Empty: the whole Rescue account. Needed where another ServiceNow instance works with the same account',
        }),
        // Status
        status_read_at: DateTimeColumn({ label: 'Status read', readOnly: true }),
        token_state: StringColumn({
            label: 'Token',
            maxLength: 40,
            readOnly: true,
            choices: {
                healthy: { label: 'Works' },
                none: { label: 'Not set up yet' },
                'expires-soon': { label: 'Ends soon' },
                'reauthorization-needed': { label: 'Refused: set it up again' },
                'not-needed': { label: 'Not needed' },
            },
        }),
        token_expires_at: DateTimeColumn({ label: 'Token ends', readOnly: true }),
        token_days_left: IntegerColumn({ label: 'Token ends in days', readOnly: true }),
        token_renews_itself: BooleanColumn({
            label: 'Token renews itself',
            readOnly: true,
            hint: 'It does once the password of the service account is entered',
        }),
        token_rotated_at: DateTimeColumn({ label: 'Token was renewed', readOnly: true }),
        last_received_at: DateTimeColumn({ label: 'Last post of Rescue', readOnly: true }),
        posts_last_day: StringColumn({ label: 'Posts of the last day', maxLength: 1000, readOnly: true }),
        paused: StringColumn({ label: 'Deliveries are paused', maxLength: 250, readOnly: true }),
        paused_until: DateTimeColumn({ label: 'Paused until', readOnly: true }),
        missed_sessions: StringColumn({
            label: 'Missed sessions',
            maxLength: 100,
            readOnly: true,
            hint: 'Of the last seven days: in Rescue\'s report, not posted, and not written',
        }),
        compared_until: DateTimeColumn({
            label: 'Compared with Rescue\'s report until',
            readOnly: true,
            hint: 'Sessions that ended later are compared by one of the next runs, which are made every six hours',
        }),
        missed_technicians: MultiLineTextColumn({
            label: 'Technicians of missed sessions',
            maxLength: 8000,
            readOnly: true,
            hint: 'By their ids in Rescue. "Test now" names them',
        }),
        comparison_failed_at: DateTimeColumn({
            label: 'Comparison failed',
            readOnly: true,
            hint: 'Empty once a later one has succeeded',
        }),
        comparison_failure: StringColumn({ label: 'Why the comparison failed', maxLength: 1000, readOnly: true }),
        test_technician: StringColumn({
            label: 'Technician to test with',
            maxLength: 254,
            hint: 'The e-mail address of an agent. "Test now" and the daily test sign in to Rescue as this agent',
        }),
        tested_at: DateTimeColumn({ label: 'Last test', readOnly: true }),
        checks: MultiLineTextColumn({ label: 'Result of the last test', maxLength: 8000, readOnly: true }),
        warned_at: DateTimeColumn({
            label: 'Last warning by e-mail',
            readOnly: true,
            hint: 'The daily test mails the users with the role x_rescue_conn.admin',
        }),
        // The last mail of the daily job, which its notification reads, and the warnings that were sent
        mail_subject: StringColumn({ label: 'Subject of the last warning', maxLength: 200, readOnly: true }),
        mail_text: MultiLineTextColumn({ label: 'Text of the last warning', maxLength: 8000, readOnly: true }),
        warnings_sent: StringColumn({ label: 'Warnings sent', maxLength: 4000, readOnly: true }),
        // Debug
        debug: BooleanColumn({
            label: 'Log every call in ServiceNow',
            hint: 'A line about each call to the connector in the system log. Lines never hold keys, tokens, PINs or names',
        }),
        connector_logging: BooleanColumn({
            label: 'Log more in the connector',
            hint: 'Ask the operator of the connector to read it',
        }),
        rescue_api_logging: BooleanColumn({
            label: 'Log calls to Rescue in the connector',
            hint: 'Without secrets',
        }),
        // What the connector works with, for the PIN buttons
        tenant_tables: StringColumn({ label: 'Tables of the tenant', maxLength: 65000, readOnly: true }),
        // For the form's own use
        version: IntegerColumn({ label: 'Version', readOnly: true }),
        read_version: StringColumn({ label: 'Version on the form', maxLength: 20 }),
    },
})

// Installed once: an upgrade must not empty it.
export const settings = Record({
    $id: Now.ID['settings-record'],
    table: 'x_rescue_conn_settings',
    data: { show_button: 'always' },
    $meta: { installMethod: 'first install' },
})

Acl({
    $id: Now.ID['acl-settings-read'],
    type: 'record',
    table: 'x_rescue_conn_settings',
    operation: 'read',
    roles: [admin],
})

Acl({
    $id: Now.ID['acl-settings-write'],
    type: 'record',
    table: 'x_rescue_conn_settings',
    operation: 'write',
    roles: [admin],
})

BusinessRule({
    $id: Now.ID['rule-settings-show'],
    name: 'Rescue Connector: read settings',
    table: 'x_rescue_conn_settings',
    when: 'display',
    script: Now.include('../scripts/actions/settings-show.js'),
    order: 100,
})

BusinessRule({
    $id: Now.ID['rule-settings-save'],
    name: 'Rescue Connector: write settings through',
    table: 'x_rescue_conn_settings',
    when: 'before',
    action: ['insert', 'update'],
    script: Now.include('../scripts/actions/settings-save.js'),
    order: 100,
})

// The save sends the version that the form was opened with, so that it does not undo what another administrator has saved
// in the meantime.
ClientScript({
    $id: Now.ID['client-settings-version'],
    name: 'Rescue Connector: version of the settings',
    table: 'x_rescue_conn_settings',
    type: 'onLoad',
    uiType: 'all',
    global: true,
    isolateScript: true,
    script: Now.include('../scripts/actions/settings-version.client.js'),
})

UiAction({
    $id: Now.ID['button-settings-save'],
    table: 'x_rescue_conn_settings',
    name: 'Save and connect',
    actionName: 'x_rescue_conn_save',
    hint: 'Send what was changed to the connector; with a set-up link, connect first',
    script: Now.include('../scripts/actions/settings-button-save.js'),
    showInsert: false,
    showUpdate: true,
    form: { showButton: true, style: 'primary' },
    roles: [admin],
    order: 100,
})

UiAction({
    $id: Now.ID['button-webhook-urls-show'],
    table: 'x_rescue_conn_settings',
    condition: `new x_rescue_conn.RescueConnection().isConnected()`,
    name: 'Show webhook URLs',
    actionName: 'x_rescue_conn_show_urls',
    hint: 'Show the two URLs to set in Rescue',
    script: Now.include('../scripts/actions/webhook-urls-show.js'),
    showInsert: false,
    showUpdate: true,
    form: { showButton: false, showContextMenu: true, showLink: true, style: 'unstyled' },
    roles: [admin],
    order: 200,
})

UiAction({
    $id: Now.ID['button-webhook-urls-renew'],
    table: 'x_rescue_conn_settings',
    condition: `new x_rescue_conn.RescueConnection().isConnected()`,
    name: 'New webhook URLs',
    actionName: 'x_rescue_conn_new_urls',
    hint: 'Make new URLs to set in Rescue; the present ones keep working',
    script: Now.include('../scripts/actions/webhook-urls-renew.js'),
    showInsert: false,
    showUpdate: true,
    form: { showButton: false, showContextMenu: true, showLink: true, style: 'unstyled' },
    roles: [admin],
    order: 210,
})

UiAction({
    $id: Now.ID['button-webhook-urls-retire'],
    table: 'x_rescue_conn_settings',
    condition: `new x_rescue_conn.RescueConnection().isConnected()`,
    name: 'Retire old webhook URLs',
    actionName: 'x_rescue_conn_retire_urls',
    hint: 'End all webhook URLs but the newest',
    script: Now.include('../scripts/actions/webhook-urls-retire.js'),
    showInsert: false,
    showUpdate: true,
    form: { showButton: false, showContextMenu: true, showLink: true, style: 'unstyled' },
    roles: [admin],
    order: 220,
})
