import '@servicenow/sdk/global'
import {
    BusinessRule,
    CatalogItem,
    CrossScopePrivilege,
    MaskedVariable,
    Record,
    ReferenceVariable,
    ScriptInclude,
    SingleLineTextVariable,
} from '@servicenow/sdk/core'

ScriptInclude({
    $id: Now.ID['script-token-setup'],
    name: 'RescueTokenSetup',
    description: 'Gets a refresh token from this instance and hands it to the connector',
    script: Now.include('../scripts/RescueTokenSetup.js'),
})

// A generic record refers to a role by its sys_id. This one is x_rescue_conn.admin.
const administrators = Record({
    $id: Now.ID['criteria-administrators'],
    table: 'user_criteria',
    data: { name: 'Rescue Connector administrators', role: '0672cb413aad488aade8a9309c694810', active: true, advanced: false, match_all: false },
})

export const tokenSetup = CatalogItem({
    $id: Now.ID['item-token-setup'],
    name: 'Rescue Connector token set-up',
    shortDescription: 'Give Rescue Connector its access to this instance',
    description: `<p>Gets a refresh token for the service account from this instance and hands it to Rescue Connector,
which renews it from then on. Order it once; again only after the connector says that it needs to be authorised again,
or when client or service account change. The work notes of the requested item say what happened.</p>`,
    // The catalog that every instance has, "Service Catalog". The menu of the app links to the item as well.
    catalogs: ['e0d08b13c3330100c8b837659bba8fb4'],
    availableFor: [administrators],
    requestMethod: 'submit',
    fulfillmentAutomationLevel: 'fullyAutomated',
    hideAddToCart: true,
    hideAddToWishList: true,
    hideAttachment: true,
    hideDeliveryTime: true,
    hideQuantitySelector: true,
    hideSaveAsDraft: true,
    ignorePrice: true,
    omitPrice: true,
    makeItemNonConversational: true,
    variables: {
        registry: ReferenceVariable({
            question: 'Application Registry record',
            referenceTable: 'oauth_entity',
            useReferenceQualifier: 'simple',
            referenceQualCondition: 'active=true',
            helpText: 'The OAuth API endpoint for external clients that was made for Rescue Connector. Leave it empty to type the client id instead.',
            showHelp: true,
            order: 100,
        }),
        client_id: SingleLineTextVariable({
            question: 'Client id',
            helpText: 'Only without an Application Registry record above.',
            showHelp: true,
            order: 200,
        }),
        client_secret: MaskedVariable({
            question: 'Client secret',
            helpText: 'Of the Application Registry record. Apps may not read it there, so it has to be typed.',
            showHelp: true,
            useEncryption: true,
            useConfirmation: false,
            order: 300,
        }),
        service_account: SingleLineTextVariable({
            question: 'User name of the service account',
            helpText: 'Rescue Connector writes as this user.',
            showHelp: true,
            mandatory: true,
            order: 400,
        }),
        service_password: MaskedVariable({
            question: 'Password of the service account',
            helpText: 'Used once, to get the token. It is neither sent to Rescue Connector nor kept.',
            showHelp: true,
            useEncryption: true,
            useConfirmation: false,
            mandatory: true,
            order: 500,
        }),
    },
})

// The condition names the catalog item above by its sys_id. The rule is asynchronous, because an item's variables are
// attached after its insert, and because its two calls may take half a minute.
BusinessRule({
    $id: Now.ID['rule-token-setup'],
    name: 'Rescue Connector token set-up',
    table: 'sc_req_item',
    when: 'async',
    action: ['insert'],
    filterCondition: 'cat_item=610dd0d8b1ff45819721f95a9261a834^EQ',
    script: Now.include('../scripts/actions/token-setup.js'),
    order: 1000,
})

CrossScopePrivilege({
    $id: Now.ID['may-read-requested-item'],
    operation: 'read',
    status: 'allowed',
    targetName: 'sc_req_item',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-write-requested-item'],
    operation: 'write',
    status: 'allowed',
    targetName: 'sc_req_item',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-read-item-options'],
    operation: 'read',
    status: 'allowed',
    targetName: 'sc_item_option',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-write-item-options'],
    operation: 'write',
    status: 'allowed',
    targetName: 'sc_item_option',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-read-item-option-rows'],
    operation: 'read',
    status: 'allowed',
    targetName: 'sc_item_option_mtom',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

CrossScopePrivilege({
    $id: Now.ID['may-read-registry'],
    operation: 'read',
    status: 'allowed',
    targetName: 'oauth_entity',
    targetScope: 'global',
    targetType: 'sys_db_object',
})
