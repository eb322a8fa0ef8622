import '@servicenow/sdk/global'
import { Property, Record } from '@servicenow/sdk/core'
import { admin } from './roles.now'

const enabled = Property({
    $id: Now.ID['property-enabled'],
    name: 'x_rescue_conn.enabled',
    description: 'Switch the integration on. While it is off, no button is shown and nothing is sent.',
    type: 'boolean',
    value: false,
    roles: { read: [admin], write: [admin] },
})

// Values of these three belong to one instance: private keeps them out of update sets, and so out of other instances.
const connectorUrl = Property({
    $id: Now.ID['property-connector-url'],
    name: 'x_rescue_conn.connector_url',
    description: 'Connector URL: the output ApiUrl of the connector\'s stack, for example https://abc123.execute-api.eu-central-1.amazonaws.com',
    type: 'string',
    value: '',
    isPrivate: true,
    roles: { read: [admin], write: [admin] },
})

const tenant = Property({
    $id: Now.ID['property-tenant'],
    name: 'x_rescue_conn.tenant',
    description: 'Tenant: the name in the connector\'s tenant file, for example acme',
    type: 'string',
    value: '',
    isPrivate: true,
    roles: { read: [admin], write: [admin] },
})

const apiKey = Property({
    $id: Now.ID['property-api-key'],
    name: 'x_rescue_conn.api_key',
    description: 'API key: what "rescue-connector tenant apply" printed once, with the scopes pin and token',
    type: 'password2',
    value: '',
    isPrivate: true,
    roles: { read: [admin], write: [admin] },
})

const showButton = Property({
    $id: Now.ID['property-show-button'],
    name: 'x_rescue_conn.show_button',
    description: 'Show the PIN buttons on every record (always), or only until it is resolved, closed or cancelled (open)',
    type: 'choicelist',
    choices: ['always', 'open'],
    value: 'always',
    roles: { read: [admin], write: [admin] },
})

const emailTechnician = Property({
    $id: Now.ID['property-email-technician'],
    name: 'x_rescue_conn.email_technician',
    description: 'E-mail the PIN to the technician who generates it, unless the connector\'s tenant file forbids it',
    type: 'boolean',
    value: true,
    roles: { read: [admin], write: [admin] },
})

const emailCustomer = Property({
    $id: Now.ID['property-email-customer'],
    name: 'x_rescue_conn.email_customer',
    description: 'E-mail a session link to the customer, unless the connector\'s tenant file forbids it',
    type: 'boolean',
    value: true,
    roles: { read: [admin], write: [admin] },
})

const debug = Property({
    $id: Now.ID['property-debug'],
    name: 'x_rescue_conn.debug',
    description: 'Write a line about every call to the connector into the system log. Lines never hold keys, tokens, PINs or names.',
    type: 'boolean',
    value: false,
    roles: { read: [admin], write: [admin] },
})

const category = Record({
    $id: Now.ID['settings'],
    table: 'sys_properties_category',
    data: {
        name: 'Rescue Connector',
        title: 'Settings of the PIN button and the token set-up',
    },
})

Record({
    $id: Now.ID['settings-enabled'],
    table: 'sys_properties_category_m2m',
    data: { category: category, property: enabled, order: 100 },
})

Record({
    $id: Now.ID['settings-connector-url'],
    table: 'sys_properties_category_m2m',
    data: { category: category, property: connectorUrl, order: 200 },
})

Record({
    $id: Now.ID['settings-tenant'],
    table: 'sys_properties_category_m2m',
    data: { category: category, property: tenant, order: 300 },
})

Record({
    $id: Now.ID['settings-api-key'],
    table: 'sys_properties_category_m2m',
    data: { category: category, property: apiKey, order: 400 },
})

Record({
    $id: Now.ID['settings-show-button'],
    table: 'sys_properties_category_m2m',
    data: { category: category, property: showButton, order: 500 },
})

Record({
    $id: Now.ID['settings-email-technician'],
    table: 'sys_properties_category_m2m',
    data: { category: category, property: emailTechnician, order: 600 },
})

Record({
    $id: Now.ID['settings-email-customer'],
    table: 'sys_properties_category_m2m',
    data: { category: category, property: emailCustomer, order: 700 },
})

Record({
    $id: Now.ID['settings-debug'],
    table: 'sys_properties_category_m2m',
    data: { category: category, property: debug, order: 800 },
})
