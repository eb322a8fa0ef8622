import '@servicenow/sdk/global'
import { Record } from '@servicenow/sdk/core'

// "Rescue sessions" below a record's form. Only the entry is brought along: it is added to the related lists that the
// instance has in the default view of a table. An instance finds them by the keys. The sys_id is that of no record; it is
// there so that every build is the same. An entry is installed once, so that a list that an administrator has removed stays
// away. Where a table has no related lists yet, the entry has no effect; docs/servicenow-app.md says how to add it there.
Record({
    $id: Now.ID['related-list-incident'],
    table: 'sys_ui_related_list_entry',
    $meta: { installMethod: 'once' },
    data: {
        list_id: Now.ref('sys_ui_related_list', '2e48f96837aba090ba2a08f719497483', {
            name: 'incident',
            view: 'Default view',
            related_list: 'NULL',
            sys_domain: 'global',
        }),
        related_list: 'x_rescue_conn_session.record',
        position: 100,
    },
})

Record({
    $id: Now.ID['related-list-sn-customerservice-case'],
    table: 'sys_ui_related_list_entry',
    $meta: { installMethod: 'once' },
    data: {
        list_id: Now.ref('sys_ui_related_list', 'eed9604d22d5ab4cd289766616868284', {
            name: 'sn_customerservice_case',
            view: 'Default view',
            related_list: 'NULL',
            sys_domain: 'global',
        }),
        related_list: 'x_rescue_conn_session.record',
        position: 100,
    },
})

Record({
    $id: Now.ID['related-list-problem'],
    table: 'sys_ui_related_list_entry',
    $meta: { installMethod: 'once' },
    data: {
        list_id: Now.ref('sys_ui_related_list', '57fee3f4bb2925cb541dbafdb634c9ce', {
            name: 'problem',
            view: 'Default view',
            related_list: 'NULL',
            sys_domain: 'global',
        }),
        related_list: 'x_rescue_conn_session.record',
        position: 100,
    },
})

Record({
    $id: Now.ID['related-list-change-request'],
    table: 'sys_ui_related_list_entry',
    $meta: { installMethod: 'once' },
    data: {
        list_id: Now.ref('sys_ui_related_list', '04b9aefefcf8ca1d68510b0660b90b9f', {
            name: 'change_request',
            view: 'Default view',
            related_list: 'NULL',
            sys_domain: 'global',
        }),
        related_list: 'x_rescue_conn_session.record',
        position: 100,
    },
})

Record({
    $id: Now.ID['related-list-sc-req-item'],
    table: 'sys_ui_related_list_entry',
    $meta: { installMethod: 'once' },
    data: {
        list_id: Now.ref('sys_ui_related_list', '0fdb67a27437e0cbbbe57a3ac33f8a4d', {
            name: 'sc_req_item',
            view: 'Default view',
            related_list: 'NULL',
            sys_domain: 'global',
        }),
        related_list: 'x_rescue_conn_session.record',
        position: 100,
    },
})

Record({
    $id: Now.ID['related-list-sc-task'],
    table: 'sys_ui_related_list_entry',
    $meta: { installMethod: 'once' },
    data: {
        list_id: Now.ref('sys_ui_related_list', '2833d928e1bed081d47790dd12f6d6ec', {
            name: 'sc_task',
            view: 'Default view',
            related_list: 'NULL',
            sys_domain: 'global',
        }),
        related_list: 'x_rescue_conn_session.record',
        position: 100,
    },
})

Record({
    $id: Now.ID['related-list-sn-hr-core-case'],
    table: 'sys_ui_related_list_entry',
    $meta: { installMethod: 'once' },
    data: {
        list_id: Now.ref('sys_ui_related_list', '944b4334f102bd90c88296ba9a88c794', {
            name: 'sn_hr_core_case',
            view: 'Default view',
            related_list: 'NULL',
            sys_domain: 'global',
        }),
        related_list: 'x_rescue_conn_session.record',
        position: 100,
    },
})

Record({
    $id: Now.ID['related-list-interaction'],
    table: 'sys_ui_related_list_entry',
    $meta: { installMethod: 'once' },
    data: {
        list_id: Now.ref('sys_ui_related_list', '9937b85549725bbd6806cd27332bddd7', {
            name: 'interaction',
            view: 'Default view',
            related_list: 'NULL',
            sys_domain: 'global',
        }),
        related_list: 'x_rescue_conn_session.interaction',
        position: 100,
    },
})
