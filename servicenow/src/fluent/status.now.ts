import '@servicenow/sdk/global'
import {
    CrossScopePrivilege,
    EmailNotification,
    Record,
    ScheduledScript,
    ScriptInclude,
    UiAction,
} from '@servicenow/sdk/core'
import { admin } from './roles.now'

ScriptInclude({
    $id: Now.ID['script-checks'],
    name: 'RescueChecks',
    description: 'The checks of the connector in words',
    script: Now.include('../scripts/RescueChecks.js'),
})

ScriptInclude({
    $id: Now.ID['script-status'],
    name: 'RescueStatus',
    description: 'Shows the status of the connector on the settings form, and tests the whole way',
    script: Now.include('../scripts/RescueStatus.js'),
})

ScriptInclude({
    $id: Now.ID['script-daily-check'],
    name: 'RescueDailyCheck',
    description: 'Refreshes the settings record once a day, and mails administrators what they have to do',
    script: Now.include('../scripts/RescueDailyCheck.js'),
})

UiAction({
    $id: Now.ID['button-settings-test'],
    table: 'x_rescue_conn_settings',
    condition: `new x_rescue_conn.RescueConnection().isConnected()`,
    name: 'Test now',
    actionName: 'x_rescue_conn_test',
    hint: 'Test the way from Rescue to this instance, with the settings as they are saved. It takes up to 20 seconds',
    script: Now.include('../scripts/actions/settings-test.js'),
    showInsert: false,
    showUpdate: true,
    form: { showButton: true, style: 'unstyled' },
    roles: [admin],
    order: 110,
})

ScheduledScript({
    $id: Now.ID['job-daily-check'],
    name: 'Rescue Connector: daily test',
    frequency: 'daily',
    executionStart: '2026-01-01 00:00:00',
    executionTime: { hours: 4, minutes: 23, seconds: 0 },
    script: Now.include('../scripts/actions/daily-check.js'),
})

Record({
    $id: Now.ID['event-needs-attention'],
    table: 'sysevent_register',
    data: {
        suffix: 'needs_attention',
        event_name: 'x_rescue_conn.needs_attention',
        table: 'x_rescue_conn_settings',
        description: 'An administrator of Rescue Connector has to act. Parameter 1 is the user to mail',
        fired_by: 'Script include RescueDailyCheck',
        priority: 100,
    },
})

// Plain text, because parts of it come from the connector. The daily job has put subject and text into the record, in the
// language of the instance.
EmailNotification({
    $id: Now.ID['mail-needs-attention'],
    table: 'x_rescue_conn_settings',
    name: 'Rescue Connector: an administrator has to act',
    description: 'Token ends or is refused, a test has failed, or the connector does not answer',
    triggerConditions: {
        generationType: 'event',
        eventName: 'x_rescue_conn.needs_attention',
    },
    recipientDetails: {
        eventParm1WithRecipient: true,
        // An administrator who starts the job by hand gets the mail as well.
        sendToCreator: true,
    },
    emailContent: {
        contentType: 'text/plain',
        subject: '${mail_subject}',
        messageText: '${mail_text}',
        omitWatermark: true,
    },
})

CrossScopePrivilege({
    $id: Now.ID['may-read-user-roles'],
    operation: 'read',
    status: 'allowed',
    targetName: 'sys_user_has_role',
    targetScope: 'global',
    targetType: 'sys_db_object',
})
