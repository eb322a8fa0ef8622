import '@servicenow/sdk/global'
import { ApplicationMenu, Record } from '@servicenow/sdk/core'
import { admin, agent } from './roles.now'

const menu = ApplicationMenu({
    $id: Now.ID['menu'],
    title: 'Rescue Connector',
    hint: 'Sessions of LogMeIn Rescue on the records of this instance',
    description: 'Sessions, settings and token set-up of Rescue Connector',
    roles: [agent, admin],
    active: true,
})

Record({
    $id: Now.ID['menu-sessions'],
    table: 'sys_app_module',
    data: {
        title: 'Rescue sessions',
        application: menu,
        link_type: 'LIST',
        name: 'x_rescue_conn_session',
        filter: 'ORDERBYDESCstarted_at',
        hint: 'One row per session: technician, record, times',
        roles: ['x_rescue_conn.agent', 'x_rescue_conn.admin'],
        active: true,
        order: 50,
    },
})

Record({
    $id: Now.ID['menu-settings'],
    table: 'sys_app_module',
    data: {
        title: 'Settings',
        application: menu,
        link_type: 'DIRECT',
        query: 'x_rescue_conn_settings.do?sys_id=a9b6c4f2325a49669a61846ddcd63d20',
        hint: 'Connection, Rescue, ServiceNow, buttons, session details, records, missed sessions, status',
        roles: ['x_rescue_conn.admin'],
        active: true,
        order: 100,
    },
})

Record({
    $id: Now.ID['menu-token-setup'],
    table: 'sys_app_module',
    data: {
        title: 'Token set-up',
        application: menu,
        link_type: 'DIRECT',
        query: 'com.glideapp.servicecatalog_cat_item_view.do?v=1&sysparm_id=610dd0d8b1ff45819721f95a9261a834',
        hint: 'Give Rescue Connector its access to this instance',
        roles: ['x_rescue_conn.admin'],
        active: true,
        order: 200,
    },
})

Record({
    $id: Now.ID['menu-token-setups'],
    table: 'sys_app_module',
    data: {
        title: 'Token set-ups so far',
        application: menu,
        link_type: 'LIST',
        name: 'sc_req_item',
        filter: 'cat_item.sys_scope.scope=x_rescue_conn',
        hint: 'Their work notes say what happened',
        roles: ['x_rescue_conn.admin'],
        active: true,
        order: 300,
    },
})
