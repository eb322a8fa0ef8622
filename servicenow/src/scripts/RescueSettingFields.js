/**
 * Which column of the settings record holds which setting of the connector, and how a value is written in a form.
 */
var RescueSettingFields = Class.create();

/** Column, the setting's place in the connector's document, and the form of its value. */
RescueSettingFields.SETTINGS = [
    ['enabled', '/enabled', 'boolean'],
    ['language', '/language', 'text'],
    ['rescue_account', '/rescue/account', 'text'],
    ['rescue_base_url', '/rescue/base_url', 'text'],
    ['rescue_company_id', '/rescue/company_id', 'text'],
    ['require_console', '/rescue/require_console', 'boolean'],
    ['technician_domains', '/rescue/technician_domains', 'list'],
    ['reconcile', '/rescue/reconcile', 'text'],
    ['reconcile_after', '/rescue/reconcile_after', 'text'],
    ['report_technician', '/rescue/report_technician', 'text'],
    ['report_nodes', '/rescue/report_nodes', 'list'],
    ['instance', '/servicenow/instance', 'text'],
    ['allow_host', '/servicenow/allow_host', 'text'],
    ['grant_type', '/servicenow/grant', 'text'],
    ['client_id', '/servicenow/client_id', 'text'],
    ['service_account', '/servicenow/service_account', 'text'],
    ['refresh_token_lifetime', '/servicenow/refresh_token_lifetime', 'text'],
    ['publish', '/sessions/publish', 'text'],
    ['published_fields', '/sessions/fields', 'list'],
    ['chat', '/sessions/chat', 'text'],
    ['console_sessions', '/sessions/console_sessions', 'text'],
    ['closed_records', '/sessions/closed_records', 'text'],
    ['session_table', '/sessions/session_table', 'text'],
    ['record_types', '/tables', 'tables'],
    ['reference_fields', '/sessions/reference_fields', 'list'],
    ['require_signed_tracking', '/sessions/require_signed_tracking', 'boolean'],
    ['reauthorization_wait', '/sessions/reauthorization_wait', 'text'],
    ['record_columns', '/sessions/columns', 'columns'],
    ['caller_field', '/sessions/new_record/caller_field', 'text'],
    ['new_record_columns', '/sessions/new_record/columns', 'map'],
    ['email_technician', '/notifications/email_technician', 'boolean'],
    ['email_customer', '/notifications/email_customer', 'boolean'],
    ['pin_note', '/notifications/pin_note', 'boolean'],
    ['connector_logging', '/debug/logging', 'boolean'],
    ['rescue_api_logging', '/debug/rescue_api', 'boolean']
];

/** The types of columns beside text, which is written without one. */
RescueSettingFields.COLUMN_TYPES = ['integer', 'duration'];
/** Settings of a record type that are lists. */
RescueSettingFields.TABLE_LISTS = ['closed_states'];

/** The masked column of each secret, the secret's name in the connector, and the column that says whether it is set. */
RescueSettingFields.SECRETS = [
    ['sso_password', 'sso-password', 'sso_password_state'],
    ['rescue_api_token', 'rescue-api-token', 'rescue_api_token_state'],
    ['oauth_client_secret', 'oauth-client-secret', 'oauth_client_secret_state'],
    ['service_account_password', 'service-account-password', 'service_account_password_state']
];

RescueSettingFields.prototype = {
    initialize: function () {},

    /**
     * A column's text as the value of its setting; an empty text is null, which is the setting's default.
     *
     * @returns {Object} {value}, or {error: sentence} for a line that cannot be read
     */
    valueOf: function (kind, text) {
        var trimmed = this.trim(text);
        if (kind === 'boolean') {
            return { value: trimmed === '1' || trimmed === 'true' };
        }
        if (kind === 'list') {
            return { value: this._items(trimmed, /[,;\n]/) };
        }
        if (kind === 'map' || kind === 'columns') {
            return this._map(kind, trimmed);
        }
        if (kind === 'tables') {
            return this._tables(trimmed);
        }
        return { value: trimmed || null };
    },

    /** A setting's value as the text of its column. */
    textOf: function (kind, value) {
        if (kind === 'boolean') {
            return value === true ? '1' : '0';
        }
        if (kind === 'list') {
            return value instanceof Array ? value.join(', ') : '';
        }
        if (kind === 'map' || kind === 'columns' || kind === 'tables') {
            var lines = [];
            for (var name in value || {}) {
                lines.push(kind === 'tables' ? this._tableText(name, value[name]) : name + ' = ' + this._entryText(value[name]));
            }
            return lines.join('\n');
        }
        return value === null || value === undefined ? '' : String(value);
    },

    /** Whether two texts of a column mean the same. */
    isSame: function (kind, one, other) {
        var form = function (text) {
            return String(text === null || text === undefined ? '' : text).replace(/\r\n?/g, '\n');
        };
        return form(one) === form(other) || JSON.stringify(this.valueOf(kind, one)) === JSON.stringify(this.valueOf(kind, other));
    },

    /** The member of a document that a pointer names. Names of settings have no character that a pointer escapes. */
    at: function (document, pointer) {
        var names = pointer.split('/').slice(1);
        var value = document;
        for (var i = 0; i < names.length; i++) {
            value = value === null || value === undefined ? undefined : value[names[i]];
        }
        return value;
    },

    /** Adds a value to a merge patch (RFC 7396) at a pointer. */
    put: function (patch, pointer, value) {
        var names = pointer.split('/').slice(1);
        var table = patch;
        for (var i = 0; i < names.length - 1; i++) {
            table[names[i]] = table[names[i]] || {};
            table = table[names[i]];
        }
        table[names[names.length - 1]] = value;
    },

    /** A setting's value in a merge patch. Of entries it is what differs, and null for those that are no longer there. */
    changeOf: function (kind, before, after) {
        if (kind !== 'map' && kind !== 'columns' && kind !== 'tables') {
            return after;
        }
        var change = {};
        for (var gone in before || {}) {
            if (!after.hasOwnProperty(gone)) {
                change[gone] = null;
            }
        }
        for (var name in after) {
            var isNew = !before || !before.hasOwnProperty(name);
            if (isNew || JSON.stringify(before[name]) !== JSON.stringify(after[name])) {
                change[name] = kind === 'tables' && !isNew ? this.changeOf('map', before[name], after[name]) : after[name];
            }
        }
        return change;
    },

    /** The column of the setting or secret that a pointer of the connector names, or ''. */
    columnOf: function (pointer) {
        var settings = RescueSettingFields.SETTINGS;
        for (var i = 0; i < settings.length; i++) {
            if (pointer === settings[i][1] || pointer.indexOf(settings[i][1] + '/') === 0) {
                return settings[i][0];
            }
        }
        var secrets = RescueSettingFields.SECRETS;
        for (var j = 0; j < secrets.length; j++) {
            if (pointer === '/secrets/' + secrets[j][1]) {
                return secrets[j][0];
            }
        }
        return '';
    },

    trim: function (text) {
        return String(text === null || text === undefined ? '' : text).replace(/^\s+|\s+$/g, '');
    },

    _items: function (text, separator) {
        var items = [];
        var parts = text.split(separator);
        for (var i = 0; i < parts.length; i++) {
            if (this.trim(parts[i])) {
                items.push(this.trim(parts[i]));
            }
        }
        return items;
    },

    _map: function (kind, text) {
        var value = {};
        var lines = this._items(text, /\n/);
        for (var i = 0; i < lines.length; i++) {
            var parts = /^([A-Za-z][\w.-]*)\s*=\s*([^]*)$/.exec(lines[i]);
            if (!parts) {
                return { error: 'Write one "name = value" in each line.' };
            }
            if (value.hasOwnProperty(parts[1])) {
                return { error: 'A name stands in two lines.' };
            }
            value[parts[1]] = kind === 'columns' ? this._column(parts[2]) : this._unquoted(parts[2]);
            if (value[parts[1]] === null) {
                return { error: 'After a column write (integer) or (duration), or nothing where it holds text.' };
            }
        }
        return { value: value };
    },

    /** A column by its name, or {column, as} of one that does not hold text; null for an unknown type. */
    _column: function (text) {
        var parts = /^([^"]*\S)\s*\(\s*(\w*)\s*\)$/.exec(text);
        if (!parts || parts[2] === 'text') {
            return parts ? parts[1] : this._unquoted(text);
        }
        return RescueSettingFields.COLUMN_TYPES.indexOf(parts[2]) < 0 ? null : { column: parts[1], as: parts[2] };
    },

    /** The value of an entry of a map on one line. */
    _entryText: function (value) {
        if (!value || typeof value !== 'object') {
            return this._quoted(String(value));
        }
        return value.as && value.as !== 'text' ? value.column + ' (' + value.as + ')' : this._quoted(String(value.column));
    },

    /** Record types, one in each line: "problem", or "incident: number_prefix = ACMEINC; open_state = 2". */
    _tables: function (text) {
        var value = {};
        var lines = this._items(text, /\n/);
        for (var i = 0; i < lines.length; i++) {
            var parts = /^([a-z]\w*)\s*(?::([^]*))?$/.exec(lines[i]);
            var table = parts ? this._table(parts[2] || '') : null;
            if (!table) {
                return { error: 'Write one table in each line, such as "problem" or "incident: number_prefix = ACMEINC; open_state = 2".' };
            }
            if (value.hasOwnProperty(parts[1])) {
                return { error: 'A table stands in two lines.' };
            }
            value[parts[1]] = table;
        }
        return { value: value };
    },

    /** The settings of one record type; null where they cannot be read. */
    _table: function (text) {
        var value = {};
        var items = this._items(text, /;/);
        for (var i = 0; i < items.length; i++) {
            var parts = /^([a-z]\w*)\s*=([^]*)$/.exec(items[i]);
            if (!parts || value.hasOwnProperty(parts[1])) {
                return null;
            }
            value[parts[1]] = RescueSettingFields.TABLE_LISTS.indexOf(parts[1]) < 0 ? this.trim(parts[2])
                : this._items(parts[2], /,/);
        }
        return value;
    },

    _tableText: function (name, table) {
        var settings = [];
        for (var key in table || {}) {
            if (table[key] !== null) {
                settings.push(key + ' = ' + (table[key] instanceof Array ? table[key].join(', ') : table[key]));
            }
        }
        return name + (settings.length ? ': ' + settings.join('; ') : '');
    },

    /** A value on one line: in quotation marks, as JSON, where it would not be read as it is. */
    _quoted: function (value) {
        return /[\r\n]|^\s|\s$|^"/.test(value) ? JSON.stringify(value) : value;
    },

    _unquoted: function (text) {
        try {
            var value = text.charAt(0) === '"' ? JSON.parse(text) : text;
            return typeof value === 'string' ? value : text;
        } catch (notJson) {
            return text;
        }
    },

    type: 'RescueSettingFields'
};
