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
    description: 'What to do about each refusal, for people',
    script: Now.include('../scripts/RescueSentences.js'),
})

ScriptInclude({
    $id: Now.ID['script-connection'],
    name: 'RescueConnection',
    description: 'The settings, and the one way to call the connector',
    script: Now.include('../scripts/RescueConnection.js'),
})

ScriptInclude({
    $id: Now.ID['script-presses'],
    name: 'RescuePresses',
    description: 'Which presses of a PIN button are one PIN',
    script: Now.include('../scripts/RescuePresses.js'),
})

ScriptInclude({
    $id: Now.ID['script-connector'],
    name: 'RescueConnector',
    description: 'What the PIN buttons do',
    script: Now.include('../scripts/RescueConnector.js'),
})

// One row per record and user; it makes a repeated press the same PIN. No PIN is ever stored.
export const x_rescue_conn_press = Table({
    name: 'x_rescue_conn_press',
    label: 'Rescue PIN press',
    display: 'press',
    accessibleFrom: 'package_private',
    actions: [],
    allowWebServiceAccess: false,
    createAccessControls: false,
    schema: {
        press: StringColumn({ label: 'Record and user', maxLength: 80, mandatory: true }),
        turn: IntegerColumn({ label: 'Turn', default: 1 }),
        since: DateTimeColumn({ label: 'First pressed in this turn' }),
        renewed: DateTimeColumn({ label: 'New PIN answered' }),
    },
    // Two first presses at the same moment: one insert fails, and both work with the other one's row.
    index: [{ name: 'press', unique: true, element: 'press' }],
})

// For whoever looks into a problem. Nobody writes it but the scripts, which no access control binds.
Acl({
    $id: Now.ID['acl-press-read'],
    type: 'record',
    table: 'x_rescue_conn_press',
    operation: 'read',
    roles: [admin],
})

ScheduledScript({
    $id: Now.ID['job-forget-presses'],
    name: 'Rescue Connector: forget presses',
    frequency: 'daily',
    executionStart: '2026-01-01 00:00:00',
    executionTime: { hours: 3, minutes: 17, seconds: 0 },
    script: Now.include('../scripts/actions/forget-presses.js'),
})

UiAction({
    $id: Now.ID['button-incident-generate'],
    table: 'incident',
    name: 'Generate Rescue PIN',
    actionName: 'x_rescue_conn_generate_pin',
    hint: 'Get a PIN for a remote support session on this record',
    condition: `new x_rescue_conn.RescueConnector().showsButton(current, 'incident')`,
    script: Now.include('../scripts/actions/incident-generate.js'),
    showInsert: false,
    showUpdate: true,
    form: { showButton: true, showContextMenu: true, style: 'unstyled' },
    workspace: { isConfigurableWorkspace: true, showFormButtonV2: true, showFormMenuButtonV2: false },
    roles: [agent, admin],
    order: 600,
})

UiAction({
    $id: Now.ID['button-incident-new'],
    table: 'incident',
    name: 'New Rescue PIN',
    actionName: 'x_rescue_conn_new_pin',
    hint: 'Get another PIN, because the last one was used or lost',
    condition: `new x_rescue_conn.RescueConnector().showsButton(current, 'incident')`,
    script: Now.include('../scripts/actions/incident-new.js'),
    showInsert: false,
    showUpdate: true,
    form: { showButton: false, showContextMenu: true, showLink: true, style: 'unstyled' },
    workspace: { isConfigurableWorkspace: true, showFormButtonV2: false, showFormMenuButtonV2: true },
    roles: [agent, admin],
    order: 610,
})

// Inert where the table does not exist: a UI action is only looked at on a form of its table.
UiAction({
    $id: Now.ID['button-case-generate'],
    table: 'sn_customerservice_case',
    name: 'Generate Rescue PIN',
    actionName: 'x_rescue_conn_generate_pin',
    hint: 'Get a PIN for a remote support session on this record',
    condition: `new x_rescue_conn.RescueConnector().showsButton(current, 'sn_customerservice_case')`,
    script: Now.include('../scripts/actions/case-generate.js'),
    showInsert: false,
    showUpdate: true,
    form: { showButton: true, showContextMenu: true, style: 'unstyled' },
    workspace: { isConfigurableWorkspace: true, showFormButtonV2: true, showFormMenuButtonV2: false },
    roles: [agent, admin],
    order: 600,
})

UiAction({
    $id: Now.ID['button-case-new'],
    table: 'sn_customerservice_case',
    name: 'New Rescue PIN',
    actionName: 'x_rescue_conn_new_pin',
    hint: 'Get another PIN, because the last one was used or lost',
    condition: `new x_rescue_conn.RescueConnector().showsButton(current, 'sn_customerservice_case')`,
    script: Now.include('../scripts/actions/case-new.js'),
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
    $id: Now.ID['may-read-property'],
    operation: 'read',
    status: 'allowed',
    targetName: 'sys_properties',
    targetScope: 'global',
    targetType: 'sys_db_object',
})
