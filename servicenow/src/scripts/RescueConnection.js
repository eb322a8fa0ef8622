/**
 * What the settings record says about the connector, and the calls to it. Bodies and headers never reach a log.
 */
var RescueConnection = Class.create();

/** The connector answers within 25 seconds; an instance waits for at most 30. */
RescueConnection.TIMEOUT_MS = 29000;
/** The form of an API key. */
RescueConnection.KEY = /^[A-Za-z0-9_-]{43}$/;
/** The settings record. */
RescueConnection.SETTINGS = 'a9b6c4f2325a49669a61846ddcd63d20';

RescueConnection.prototype = {
    initialize: function () {
        this.row = null;
    },

    /** Whether this instance was connected to a tenant of a connector. */
    isConnected: function () {
        return Boolean(this._text('connector_url') && this._text('tenant') && this._text('api_key'));
    },

    isEnabled: function () {
        return this.isConnected() && this._is('enabled');
    },

    /** Whether buttons are shown on records that are closed. */
    showsOnClosedRecords: function () {
        return this._text('show_button') !== 'open';
    },

    /** The tables that the tenant works with, as the connector named them last: JSON, or '' before that. */
    tenantTables: function () {
        return this._text('tenant_tables');
    },

    /** Reads the settings record again before the next call. */
    reload: function () {
        this.row = null;
    },

    /**
     * Posts JSON to one of the connector's routes, unless the integration is switched off.
     *
     * @param {string} route 'pincodes' or 'token'
     * @param {Object} body
     * @param {string} [idempotencyKey]
     * @returns {Object} as of call
     */
    post: function (route, body, idempotencyKey) {
        if (this.isConnected() && !this.isEnabled()) {
            return { ok: false, code: 'switched-off' };
        }
        var headers = idempotencyKey ? { 'Idempotency-Key': idempotencyKey } : {};
        return this.call({ method: 'POST', route: route, body: body, headers: headers });
    },

    /**
     * Calls one of the connector's routes as the tenant of this instance.
     *
     * @param {Object} request method; route, such as 'settings'; where needed item (the last part of the path), query,
     * body and headers
     * @returns {Object} {ok: true, status, body, replayed}, or {ok: false, code, …} as RescueSentences takes it
     */
    call: function (request) {
        if (!this.isConnected()) {
            return { ok: false, code: 'not-connected' };
        }
        if (!this._isOwn()) {
            return { ok: false, code: 'other-instance', values: [this._text('connected_instance'), this.ownUrl()] };
        }
        var url = this.validUrl(this._text('connector_url'));
        var tenant = this._text('tenant');
        var apiKey = this._apiKey();
        var missing = !url ? 'connector_url' : !/^[a-z0-9-]{2,40}$/.test(tenant) ? 'tenant' : !apiKey ? 'api_key' : '';
        if (missing) {
            return { ok: false, code: 'not-set-up', values: [missing] };
        }
        return this._call(url, tenant, apiKey, request);
    },

    /**
     * Exchanges the code of a set-up link for an API key and the webhook URLs. It works once.
     *
     * @returns {Object} as of call
     */
    enrol: function (url, tenant, code, instance) {
        var answer = this._call(url, tenant, code, { method: 'POST', route: 'enrolment', body: { instance: instance } });
        var isKey = answer.ok && RescueConnection.KEY.test(answer.body.api_key);
        return !answer.ok || isKey ? answer : { ok: false, code: 'not-the-connector', values: ['201'] };
    },

    /**
     * Sends a request. Without an HTTP response the status is 0. Every request holds a secret, so nothing is sent while this
     * instance logs headers or bodies of outbound requests.
     *
     * @param {Object} request method, url, contentType, body, headers
     * @returns {Object} {status, body: string, headers: with lower-case names, milliseconds, logged: nothing was sent}
     */
    send: function (request) {
        var started = new Date().getTime();
        var answer = { status: 0, body: '', headers: {}, milliseconds: 0, logged: this._isLogged() };
        if (answer.logged) {
            return answer;
        }
        try {
            var message = new sn_ws.RESTMessageV2();
            // The log of outbound requests can be set to keep bodies; these hold secrets and personal data.
            message.setLogLevel('basic');
            message.setEndpoint(request.url);
            message.setHttpMethod(request.method);
            message.setHttpTimeout(RescueConnection.TIMEOUT_MS);
            if (request.body !== undefined) {
                message.setRequestHeader('Content-Type', request.contentType);
                // Never setStringParameter: it escapes for XML, and breaks JSON.
                message.setRequestBody(request.body);
            }
            for (var name in request.headers) {
                message.setRequestHeader(name, request.headers[name]);
            }
            var response = message.execute();
            answer.status = Number(response.getStatusCode()) || 0;
            answer.body = String(response.getBody() || '');
            var given = response.getHeaders();
            for (var header in given) {
                answer.headers[String(header).toLowerCase()] = String(given[header]);
            }
        } catch (unreachable) {
            // Not logged: the error's message may quote the request with its secrets.
            answer.status = 0;
        }
        answer.milliseconds = new Date().getTime() - started;
        return answer;
    },

    /** The text as JSON, if it is an object. */
    parse: function (text) {
        try {
            var value = JSON.parse(text);
            return value && typeof value === 'object' ? value : null;
        } catch (notJson) {
            return null;
        }
    },

    /** The URL without a slash at its end; '' unless it is one to which a key may be sent. */
    validUrl: function (text) {
        var url = String(text || '').replace(/^\s+|\s+$/g, '').replace(/\/+$/, '');
        // The key is sent over TLS only, except to the loopback.
        return /^(https:\/\/[^\/?#@\s]+|http:\/\/(127\.0\.0\.1|localhost)(:\d+)?)(\/[^?#\s]*)?$/.test(url) ? url : '';
    },

    /** The name of this instance, which a clone does not take over; '' where it is not known. */
    ownName: function () {
        return String(gs.getProperty('instance_name', '') || '').toLowerCase();
    },

    /** The URL of this instance, '' where it does not know it. */
    ownUrl: function () {
        var url = String(gs.getProperty('glide.servlet.uri', '') || '').replace(/^\s+|\s+$/g, '').replace(/\/+$/, '');
        return /^https?:\/\/[^\/?#@\s]+$/.test(url) ? url : '';
    },

    /**
     * Whether this is the instance that was connected, and not a clone. Its URL may have changed since, and a clone may still
     * have the URL of the other one.
     */
    _isOwn: function () {
        var name = this._text('connected_name');
        return name && this.ownName() ? name === this.ownName()
            : this._text('connected_instance').toLowerCase() === this.ownUrl().toLowerCase();
    },

    _call: function (url, tenant, key, request) {
        var headers = {
            Accept: 'application/json',
            Authorization: 'Bearer ' + key,
            'Changed-By': String(gs.getUserName() || '').replace(/[^ -~]/g, '?').slice(0, 100)
        };
        for (var name in request.headers || {}) {
            headers[name] = request.headers[name];
        }
        var path = '/integration/api/servicenow/' + request.route + '/' + tenant +
            (request.item ? '/' + encodeURIComponent(request.item) : '');
        var answer = this.send({
            method: request.method,
            url: url + path + (request.query ? '?' + request.query : ''),
            contentType: 'application/json',
            body: request.body === undefined ? undefined : JSON.stringify(request.body),
            headers: headers
        });
        var result = this._read(answer);
        this._log(request.method + ' ' + path, answer, result);
        return result;
    },

    _read: function (answer) {
        if (answer.logged) {
            return { ok: false, code: 'outbound-logged' };
        }
        if (answer.status === 0) {
            return { ok: false, code: 'unreachable' };
        }
        var body = this.parse(answer.body);
        if (answer.status === 204 || body && (answer.status === 200 || answer.status === 201)) {
            return {
                ok: true,
                status: answer.status,
                body: body || {},
                replayed: answer.headers['idempotent-replayed'] === 'true'
            };
        }
        var retryAfter = /^\d{1,6}$/.test(answer.headers['retry-after'] || '') ? answer.headers['retry-after'] : '';
        if (body && typeof body.code === 'string') {
            return {
                ok: false,
                code: body.code,
                title: this._string(body.title),
                detail: this._string(body.detail),
                errors: this._errors(body.errors),
                requestId: this._string(body.request_id),
                retryAfter: retryAfter
            };
        }
        // A response of the API gateway itself is JSON with a message and no code.
        var gateway = body && typeof body.message === 'string';
        var code = gateway && answer.status === 429 ? 'gateway-busy'
            : gateway && answer.status === 404 ? 'not-found'
                : gateway && answer.status >= 500 ? 'gateway-failed' : 'not-the-connector';
        return { ok: false, code: code, values: [answer.status], retryAfter: retryAfter };
    },

    /** The settings that an answer complains about. */
    _errors: function (given) {
        var errors = [];
        for (var i = 0; given instanceof Array && i < given.length; i++) {
            var error = given[i] || {};
            errors.push({ pointer: this._string(error.pointer), detail: this._string(error.detail) });
        }
        return errors;
    },

    _log: function (call, answer, result) {
        var outcome = result.ok ? 'ok' : result.code;
        var line = 'Rescue Connector: ' + call + ' status=' + answer.status + ' outcome=' + outcome +
            ' request_id=' + (result.requestId || '-') + ' ms=' + answer.milliseconds;
        // The connector's codes and request ids have this form. Other text may be personal and is not logged.
        if (!/^[a-z-]{1,64}$/.test(outcome) || !/^[\w:.=-]{0,128}$/.test(result.requestId || '')) {
            line = 'Rescue Connector: ' + call + ' status=' + answer.status + ' outcome=unreadable';
        }
        if (!result.ok) {
            gs.warn(line);
        } else if (this._is('debug')) {
            gs.info(line);
        }
    },

    /** Whether this instance logs headers or bodies of outbound requests, at a level that a script cannot lower. */
    _isLogged: function () {
        return gs.getProperty('glide.outbound_http_log.override', 'false') === 'true' &&
            gs.getProperty('glide.outbound_http_log.override.level', 'basic') !== 'basic';
    },

    /** The API key; '' where its column cannot be decrypted. */
    _apiKey: function () {
        try {
            var key = String(this._record().getElement('api_key').getDecryptedValue() || '');
            return RescueConnection.KEY.test(key) ? key : '';
        } catch (notDecryptable) {
            return '';
        }
    },

    /** The settings record. */
    _record: function () {
        if (!this.row) {
            this.row = new GlideRecord('x_rescue_conn_settings');
            this.row.get(RescueConnection.SETTINGS);
        }
        return this.row;
    },

    _is: function (column) {
        var text = this._text(column);
        return text === '1' || text === 'true';
    },

    _text: function (column) {
        return String(this._record().getValue(column) || '').replace(/^\s+|\s+$/g, '');
    },

    _string: function (value) {
        return typeof value === 'string' ? value : '';
    },

    type: 'RescueConnection'
};
