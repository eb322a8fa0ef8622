import '@servicenow/sdk/global'
import { Record } from '@servicenow/sdk/core'
import { interactionGenerate, interactionNew, taskGenerate, taskNew } from './pin.now'

// Where a workspace's form action layout is unified, only its items are shown, and an item names one of these records.
// Layouts belong to workspaces: docs/servicenow-app.md says how to add the items.
Record({
    $id: Now.ID['form-action-task-generate'],
    table: 'sys_ux_form_action',
    data: {
        name: 'Generate Rescue PIN',
        table: 'task',
        action_type: 'ui_action',
        ui_action: taskGenerate,
        active: true,
    },
})

Record({
    $id: Now.ID['form-action-task-new'],
    table: 'sys_ux_form_action',
    data: {
        name: 'New Rescue PIN',
        table: 'task',
        action_type: 'ui_action',
        ui_action: taskNew,
        active: true,
    },
})

Record({
    $id: Now.ID['form-action-interaction-generate'],
    table: 'sys_ux_form_action',
    data: {
        name: 'Generate Rescue PIN',
        table: 'interaction',
        action_type: 'ui_action',
        ui_action: interactionGenerate,
        active: true,
    },
})

Record({
    $id: Now.ID['form-action-interaction-new'],
    table: 'sys_ux_form_action',
    data: {
        name: 'New Rescue PIN',
        table: 'interaction',
        action_type: 'ui_action',
        ui_action: interactionNew,
        active: true,
    },
})
