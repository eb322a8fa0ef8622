import '@servicenow/sdk/global'
import { Role } from '@servicenow/sdk/core'

export const agent = Role({
    name: 'x_rescue_conn.agent',
    description: 'Generates Rescue PINs, and sees the sessions of Rescue on records that the user may read',
})

export const admin = Role({
    name: 'x_rescue_conn.admin',
    description: 'Changes the settings of Rescue Connector and hands its token over',
    containsRoles: [agent],
})

export const connector = Role({
    name: 'x_rescue_conn.connector',
    description: 'For the service account of Rescue Connector: reads and writes the rows of sessions',
})
