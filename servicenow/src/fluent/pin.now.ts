import '@servicenow/sdk/global'
import {
    Acl,
    CrossScopePrivilege,
    DateTimeColumn,
    IntegerColumn,
    ScheduledScript,
    ScriptInclude,
    StringColumn,
    Table,
    UiAction,
} from '@servicenow/sdk/core'
import { admin, agent } from './roles.now'

ScriptInclude({
    $id: Now.ID['script-sentences'],
    name: 'RescueSentences',
    description: 'A sentence for each error code: what to do',
    script: Now.include('../scripts/RescueSentences.js'),
})

ScriptInclude({
    $id: Now.ID['script-connection'],
    name: 'RescueConnection',
    description: 'The settings, and the calls to the connector',
    script: Now.include('../scripts/RescueConnection.js'),
})

ScriptInclude({
    $id: Now.ID['script-pin-requests'],
    name: 'RescuePinRequests',
    description: 'Decides which presses of a PIN button get the same PIN',
    script: Now.include('../scripts/RescuePinRequests.js'),
})

ScriptInclude({
    $id: Now.ID['script-record-types'],
    name: 'RescueRecordTypes',
    description: 'The record types that the tenant works with',
    script: Now.include('../scripts/RescueRecordTypes.js'),
})

ScriptInclude({
    $id: Now.ID['script-connector'],
    name: 'RescueConnector',
    description: 'The actions of the PIN buttons',
    script: Now.include('../scripts/RescueConnector.js'),
})

// One row per record and user, so that a repeated press gets the same PIN. No PIN is stored.
export const x_rescue_conn_pin_request = Table({
    name: 'x_rescue_conn_pin_request',
    label: 'Rescue PIN request',
    display: 'record_and_user',
    accessibleFrom: 'package_private',
    actions: [],
    allowWebServiceAccess: false,
    createAccessControls: false,
    schema: {
        record_and_user: StringColumn({ label: 'Record and user', maxLength: 80, mandatory: true }),
        request_number: IntegerColumn({ label: 'Request number', default: 1 }),
        requested_at: DateTimeColumn({ label: 'Requested' }),
        new_pin_received_at: DateTimeColumn({ label: 'New PIN received' }),
    },
    // When two windows insert the same row at once, the second insert fails, and its script reads the first one's row.
    index: [{ name: 'record_and_user', unique: true, element: 'record_and_user' }],
})

// Administrators may read the table. Scripts write to it; access controls do not apply to them.
Acl({
    $id: Now.ID['acl-pin-request-read'],
    type: 'record',
    table: 'x_rescue_conn_pin_request',
    operation: 'read',
    roles: [admin],
})

ScheduledScript({
    $id: Now.ID['job-delete-old-pin-requests'],
    name: 'Rescue Connector: delete old PIN requests',
    frequency: 'daily',
    executionStart: '2026-01-01 00:00:00',
    executionTime: { hours: 3, minutes: 17, seconds: 0 },
    script: Now.include('../scripts/actions/delete-old-pin-requests.js'),
})

// Every task table inherits these two. Their condition asks whether the tenant works with the record's table.
export const taskGenerate = UiAction({
    $id: Now.ID['button-task-generate'],
    table: 'task',
    name: 'Generate Rescue PIN',
    actionName: 'x_rescue_conn_generate_pin',
    hint: 'Get a PIN for a remote support session on this record',
    condition: `new x_rescue_conn.RescueConnector().showsButton(current)`,
    script: Now.include('../scripts/actions/pin-generate.js'),
    showInsert: false,
    showUpdate: true,
    form: { showButton: true, showContextMenu: true, style: 'unstyled' },
    workspace: { isConfigurableWorkspace: true, showFormButtonV2: true, showFormMenuButtonV2: false },
    roles: [agent, admin],
    order: 600,
})

export const taskNew = UiAction({
    $id: Now.ID['button-task-new'],
    table: 'task',
    name: 'New Rescue PIN',
    actionName: 'x_rescue_conn_new_pin',
    hint: 'Get another PIN, because the last one was used or lost',
    condition: `new x_rescue_conn.RescueConnector().showsButton(current)`,
    script: Now.include('../scripts/actions/pin-new.js'),
    showInsert: false,
    showUpdate: true,
    form: { showButton: false, showContextMenu: true, showLink: true, style: 'unstyled' },
    workspace: { isConfigurableWorkspace: true, showFormButtonV2: false, showFormMenuButtonV2: true },
    roles: [agent, admin],
    order: 610,
})

// An interaction is no task.
export const interactionGenerate = UiAction({
    $id: Now.ID['button-interaction-generate'],
    table: 'interaction',
    name: 'Generate Rescue PIN',
    actionName: 'x_rescue_conn_generate_pin',
    hint: 'Get a PIN for a remote support session on this record',
    condition: `new x_rescue_conn.RescueConnector().showsButton(current)`,
    script: Now.include('../scripts/actions/pin-generate.js'),
    showInsert: false,
    showUpdate: true,
    form: { showButton: true, showContextMenu: true, style: 'unstyled' },
    workspace: { isConfigurableWorkspace: true, showFormButtonV2: true, showFormMenuButtonV2: false },
    roles: [agent, admin],
    order: 600,
})

export const interactionNew = UiAction({
    $id: Now.ID['button-interaction-new'],
    table: 'interaction',
    name: 'New Rescue PIN',
    actionName: 'x_rescue_conn_new_pin',
    hint: 'Get another PIN, because the last one was used or lost',
    condition: `new x_rescue_conn.RescueConnector().showsButton(current)`,
    script: Now.include('../scripts/actions/pin-new.js'),
    showInsert: false,
    showUpdate: true,
    form: { showButton: false, showContextMenu: true, showLink: true, style: 'unstyled' },
    workspace: { isConfigurableWorkspace: true, showFormButtonV2: false, showFormMenuButtonV2: true },
    roles: [agent, admin],
    order: 610,
})

CrossScopePrivilege({
    $id: Now.ID['may-read-incident'],
    operation: 'read',
    status: 'allowed',
    targetName: 'incident',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-write-incident'],
    operation: 'write',
    status: 'allowed',
    targetName: 'incident',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-read-user'],
    operation: 'read',
    status: 'allowed',
    targetName: 'sys_user',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-read-problem'],
    operation: 'read',
    status: 'allowed',
    targetName: 'problem',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-write-problem'],
    operation: 'write',
    status: 'allowed',
    targetName: 'problem',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-read-change-request'],
    operation: 'read',
    status: 'allowed',
    targetName: 'change_request',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-write-change-request'],
    operation: 'write',
    status: 'allowed',
    targetName: 'change_request',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-read-catalog-task'],
    operation: 'read',
    status: 'allowed',
    targetName: 'sc_task',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-write-catalog-task'],
    operation: 'write',
    status: 'allowed',
    targetName: 'sc_task',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-read-interaction'],
    operation: 'read',
    status: 'allowed',
    targetName: 'interaction',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-write-interaction'],
    operation: 'write',
    status: 'allowed',
    targetName: 'interaction',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

// A requested item and a catalog task name their customer in the request.
CrossScopePrivilege({
    $id: Now.ID['may-read-request'],
    operation: 'read',
    status: 'allowed',
    targetName: 'sc_request',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

// Which table a table extends.
CrossScopePrivilege({
    $id: Now.ID['may-read-tables'],
    operation: 'read',
    status: 'allowed',
    targetName: 'sys_db_object',
    targetScope: 'global',
    targetType: 'sys_db_object',
})
