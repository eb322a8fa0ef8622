/**
 * Whether the user may read the row of a session: when they may read the record that it belongs to. A row without a record is
 * not for agents, nor is one whose record is in a table that extends neither task nor interaction.
 */
answer = (function mayReadRecordOf(session) {
    var column = session.getValue('record') ? 'record' : 'interaction';
    var sysId = session.getValue(column);
    var found = new GlideRecord(column === 'record' ? 'task' : 'interaction');
    if (!sysId || !found.get(sysId)) {
        return false;
    }
    // The access controls of the record's own table decide, such as those of HR cases. The ones of task may be wider.
    var record = new GlideRecord(found.getRecordClassName());
    return record.get(sysId) && record.canRead();
})(current);
