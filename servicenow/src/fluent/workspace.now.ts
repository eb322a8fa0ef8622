import '@servicenow/sdk/global'
import { Record } from '@servicenow/sdk/core'
import { caseGenerate, caseNew, incidentGenerate, incidentNew } from './pin.now'

// Where a workspace's form action layout is unified, only its items are shown, and an item names one of these records.
// Layouts belong to workspaces: docs/servicenow-app.md says how to add the items.
Record({
    $id: Now.ID['form-action-incident-generate'],
    table: 'sys_ux_form_action',
    data: {
        name: 'Generate Rescue PIN',
        table: 'incident',
        action_type: 'ui_action',
        ui_action: incidentGenerate,
        active: true,
    },
})

Record({
    $id: Now.ID['form-action-incident-new'],
    table: 'sys_ux_form_action',
    data: {
        name: 'New Rescue PIN',
        table: 'incident',
        action_type: 'ui_action',
        ui_action: incidentNew,
        active: true,
    },
})

Record({
    $id: Now.ID['form-action-case-generate'],
    table: 'sys_ux_form_action',
    data: {
        name: 'Generate Rescue PIN',
        table: 'sn_customerservice_case',
        action_type: 'ui_action',
        ui_action: caseGenerate,
        active: true,
    },
})

Record({
    $id: Now.ID['form-action-case-new'],
    table: 'sys_ux_form_action',
    data: {
        name: 'New Rescue PIN',
        table: 'sn_customerservice_case',
        action_type: 'ui_action',
        ui_action: caseNew,
        active: true,
    },
})
