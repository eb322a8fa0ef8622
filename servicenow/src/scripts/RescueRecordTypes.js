/**
 * The record types that the tenant works with: tables of this instance, their closed states, and whose customer a record
 * names. The settings record has a copy of what the connector says, so that a form that opens needs no request.
 */
var RescueRecordTypes = Class.create();

/** What every tenant works with. It counts until the settings are read for the first time. */
RescueRecordTypes.ALWAYS = [
    { name: 'incident', person: 'caller_id', closed_states: ['6', '7', '8'] },
    { name: 'sn_customerservice_case', person: 'contact', closed_states: ['3', '6', '7'] }
];
/** Where a record names its customer when the column of its record type is empty, or when there is none. */
RescueRecordTypes.OTHER_PERSONS = {
    sn_customerservice_case: 'consumer',
    sc_req_item: 'request.requested_for',
    sc_task: 'request_item.request.requested_for'
};
/** More than any table has; it ends the search in a damaged hierarchy. */
RescueRecordTypes.MOST_ANCESTORS = 10;

RescueRecordTypes.prototype = {
    /** @param {RescueConnection} connection reads the settings record */
    initialize: function (connection) {
        this.connection = connection;
    },

    /**
     * The record type of a record: its table's, or else that of the nearest table which this one extends.
     *
     * @param {GlideRecord} record
     * @returns {Object} {name, person, closed_states}, as the connector names them; null where the tenant works with none
     */
    of: function (record) {
        var types = this._byName();
        var table = String(record.getRecordClassName() || '');
        for (var i = 0; table && i < RescueRecordTypes.MOST_ANCESTORS; i++) {
            if (types.hasOwnProperty(table)) {
                return types[table];
            }
            table = this._extendedBy(table);
        }
        return null;
    },

    isOpen: function (record, type) {
        var isInactive = record.isValidField('active') && record.getValue('active') !== '1' &&
            record.getValue('active') !== 'true';
        var closed = type.closed_states instanceof Array ? type.closed_states : [];
        return !isInactive && closed.indexOf(String(record.getValue('state'))) < 0;
    },

    /** The references, such as request.requested_for, that lead from a record of this type to its customer. */
    persons: function (type) {
        var paths = type.person ? [String(type.person)] : [];
        if (RescueRecordTypes.OTHER_PERSONS.hasOwnProperty(type.name)) {
            paths.push(RescueRecordTypes.OTHER_PERSONS[type.name]);
        }
        return paths;
    },

    _byName: function () {
        var read = this.connection.parse(this.connection.tenantTables());
        var types = read instanceof Array && read.length ? read : RescueRecordTypes.ALWAYS;
        var byName = {};
        for (var i = 0; i < types.length; i++) {
            if (types[i] && types[i].name) {
                byName[types[i].name] = types[i];
            }
        }
        return byName;
    },

    /** The table that a table extends, or ''. */
    _extendedBy: function (name) {
        var table = new GlideRecord('sys_db_object');
        var parent = new GlideRecord('sys_db_object');
        var found = table.get('name', name) && table.getValue('super_class') && parent.get(table.getValue('super_class'));
        return found ? String(parent.getValue('name') || '') : '';
    },

    type: 'RescueRecordTypes'
};
