/**
 * The settings, and the calls to the connector. Bodies and headers never reach a log.
 */
var RescueConnection = Class.create();

/** The connector answers within 25 seconds; an instance waits for at most 30. */
RescueConnection.TIMEOUT_MS = 29000;

RescueConnection.prototype = {
    initialize: function () {},

    isEnabled: function () {
        return this._is('enabled', 'false');
    },

    /** Whether buttons are shown on records that are closed. */
    showsOnClosedRecords: function () {
        return gs.getProperty('x_rescue_conn.show_button', 'always') !== 'open';
    },

    emailsTechnician: function () {
        return this._is('email_technician', 'true');
    },

    emailsCustomer: function () {
        return this._is('email_customer', 'true');
    },

    /**
     * Posts JSON to one of the connector's routes.
     *
     * @param {string} route 'pincodes' or 'token'
     * @param {Object} body
     * @param {string} [idempotencyKey]
     * @returns {Object} {ok: true, body, replayed}, or {ok: false, code, …} as RescueSentences takes it
     */
    post: function (route, body, idempotencyKey) {
        if (!this.isEnabled()) {
            return { ok: false, code: 'switched-off' };
        }
        var url = this._url();
        var tenant = this._text('tenant');
        var apiKey = this._apiKey();
        var missing = !url ? 'the connector URL is missing or is not https'
            : !/^[a-z0-9-]{2,40}$/.test(tenant) ? 'the tenant is missing or is not a name such as acme'
                : !apiKey ? 'the API key is missing, or is not one that the connector has printed' : '';
        if (missing) {
            return { ok: false, code: 'not-set-up', values: [missing] };
        }
        var headers = { Accept: 'application/json', Authorization: 'Bearer ' + apiKey };
        if (idempotencyKey) {
            headers['Idempotency-Key'] = idempotencyKey;
        }
        var path = '/integration/api/servicenow/' + route + '/' + tenant;
        var answer = this.send(url + path, 'application/json', JSON.stringify(body), headers);
        var result = this._read(answer);
        this._log(path, answer, result);
        return result;
    },

    /**
     * Sends a POST. Without an HTTP response the status is 0.
     *
     * @returns {Object} {status, body: string, headers: with lower-case names, milliseconds}
     */
    send: function (url, contentType, body, headers) {
        var started = new Date().getTime();
        var answer = { status: 0, body: '', headers: {}, milliseconds: 0 };
        try {
            var message = new sn_ws.RESTMessageV2();
            // The log of outbound requests can be set to keep bodies; these hold secrets and personal data.
            message.setLogLevel('basic');
            message.setEndpoint(url);
            message.setHttpMethod('POST');
            message.setHttpTimeout(RescueConnection.TIMEOUT_MS);
            message.setRequestHeader('Content-Type', contentType);
            for (var name in headers) {
                message.setRequestHeader(name, headers[name]);
            }
            // Never setStringParameter: it escapes for XML, and breaks JSON.
            message.setRequestBody(body);
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

    _read: function (answer) {
        if (answer.status === 0) {
            return { ok: false, code: 'unreachable' };
        }
        var body = this.parse(answer.body);
        if (body && (answer.status === 200 || answer.status === 201)) {
            return { ok: true, body: body, replayed: answer.headers['idempotent-replayed'] === 'true' };
        }
        var retryAfter = /^\d{1,6}$/.test(answer.headers['retry-after'] || '') ? answer.headers['retry-after'] : '';
        if (body && typeof body.code === 'string') {
            return {
                ok: false,
                code: body.code,
                title: this._string(body.title),
                detail: this._string(body.detail),
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

    _log: function (path, answer, result) {
        var outcome = result.ok ? 'ok' : result.code;
        var line = 'Rescue Connector: POST ' + path + ' status=' + answer.status + ' outcome=' + outcome +
            ' request_id=' + (result.requestId || '-') + ' ms=' + answer.milliseconds;
        // The connector's codes and request ids have this form. Other text may be personal and is not logged.
        if (!/^[a-z-]{1,64}$/.test(outcome) || !/^[\w:.=-]{0,128}$/.test(result.requestId || '')) {
            line = 'Rescue Connector: POST ' + path + ' status=' + answer.status + ' outcome=unreadable';
        }
        if (!result.ok) {
            gs.warn(line);
        } else if (this._is('debug', 'false')) {
            gs.info(line);
        }
    },

    _url: function () {
        var url = this._text('connector_url').replace(/\/+$/, '');
        // The key is sent over TLS only, except to the loopback.
        return /^(https:\/\/[^\/?#@\s]+|http:\/\/(127\.0\.0\.1|localhost)(:\d+)?)(\/[^?#\s]*)?$/.test(url) ? url : '';
    },

    /**
     * The API key. In some releases gs.getProperty does not decrypt a password2 property. A ciphertext does not have
     * the form of a key, and it must never be sent.
     */
    _apiKey: function () {
        var isKey = /^[A-Za-z0-9_-]{43}$/;
        var value = this._text('api_key');
        if (isKey.test(value)) {
            return value;
        }
        var property = new GlideRecord('sys_properties');
        if (value && property.get('name', 'x_rescue_conn.api_key')) {
            try {
                value = String(property.getElement('value').getDecryptedValue() || '');
            } catch (notDecryptable) {
                value = '';
            }
        }
        return isKey.test(value) ? value : '';
    },

    _is: function (name, otherwise) {
        return gs.getProperty('x_rescue_conn.' + name, otherwise) === 'true';
    },

    _text: function (name) {
        return String(gs.getProperty('x_rescue_conn.' + name, '') || '').replace(/^\s+|\s+$/g, '');
    },

    _string: function (value) {
        return typeof value === 'string' ? value : '';
    },

    type: 'RescueConnection'
};
