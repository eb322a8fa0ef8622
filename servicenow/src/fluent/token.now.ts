import '@servicenow/sdk/global'
import {
    BusinessRule,
    CatalogItem,
    CatalogUiPolicy,
    CheckboxVariable,
    CrossScopePrivilege,
    MaskedVariable,
    Record,
    ReferenceVariable,
    ScriptInclude,
    SelectBoxVariable,
    SingleLineTextVariable,
} from '@servicenow/sdk/core'

ScriptInclude({
    $id: Now.ID['script-token-setup'],
    name: 'RescueTokenSetup',
    description: 'Sets up how the connector signs in to this instance: with a refresh token, or with client credentials',
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
    description: `<p>Sets up how Rescue Connector signs in to this instance.</p>
<p><b>Refresh token</b>: this instance gives Rescue Connector a refresh token for the service account. If Rescue Connector
may keep the password of the service account, the token renews itself. Otherwise the token ends, usually after 100 days, and
this item has to be ordered again before then.</p>
<p><b>Client credentials</b>: Rescue Connector signs in with the OAuth client alone, without the password of a user. Nothing
has to be renewed. The property glide.oauth.inbound.client.credential.grant_type.enabled has to be true, and the Application
Registry record needs an OAuth Application User.</p>
<p>Connect this instance first, in Rescue Connector &gt; Settings. Order the item again when the client or the service account
changes, or when Rescue Connector reports that ServiceNow refuses its token. The work notes of the requested item say what
happened.</p>`,
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
        sign_in: SelectBoxVariable({
            question: 'How Rescue Connector signs in',
            choices: {
                refresh_token: { label: 'Refresh token', sequence: 0 },
                client_credentials: { label: 'Client credentials', sequence: 1 },
            },
            defaultValue: 'refresh_token',
            helpText: 'Choose client credentials where no password may be used, or where the password grant is switched off.',
            showHelp: true,
            mandatory: true,
            order: 50,
        }),
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
            helpText: 'The user ID. Rescue Connector writes as this user.',
            showHelp: true,
            order: 400,
        }),
        service_password: MaskedVariable({
            question: 'Password of the service account',
            helpText: 'This instance uses it once, to get the token, and does not keep it. It is sent to Rescue Connector only if you tick the box below.',
            showHelp: true,
            useEncryption: true,
            useConfirmation: false,
            order: 500,
        }),
        keep_password: CheckboxVariable({
            question: 'Let Rescue Connector keep the password',
            helpText: 'Ticked: the password is sent to Rescue Connector, which keeps it encrypted and renews the token with it. Not ticked: the password is not sent, and this item has to be ordered again every 100 days.',
            showHelp: true,
            defaultValue: 'true',
            order: 600,
        }),
    },
})

// Client credentials need no service account. The script checks the same, for orders that do not come from this form.
CatalogUiPolicy({
    $id: Now.ID['policy-token-setup'],
    shortDescription: 'Ask for the service account where a refresh token is set up',
    catalogItem: tokenSetup,
    catalogCondition: `${tokenSetup.variables.sign_in}=refresh_token^EQ`,
    actions: [
        { variableName: tokenSetup.variables.service_account, visible: true, mandatory: true, order: 100 },
        { variableName: tokenSetup.variables.service_password, visible: true, mandatory: true, order: 200 },
        { variableName: tokenSetup.variables.keep_password, visible: true, order: 300 },
    ],
})

// The condition names the catalog item above by its sys_id. The rule is asynchronous, because an item's variables are
// attached after its insert, and because its calls may take minutes.
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
