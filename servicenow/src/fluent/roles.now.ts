import '@servicenow/sdk/global'
import { Role } from '@servicenow/sdk/core'

export const agent = Role({
    name: 'x_rescue_conn.agent',
    description: 'Generates Rescue PINs on incidents and cases',
})

export const admin = Role({
    name: 'x_rescue_conn.admin',
    description: 'Changes the settings of Rescue Connector and hands its token over',
    containsRoles: [agent],
})
