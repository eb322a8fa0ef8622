/**
 * Which presses of a PIN button are one PIN.
 *
 * The connector gives the same PIN for the same Idempotency-Key for ten minutes. The key is record, user and turn;
 * "New Rescue PIN" begins a new turn, and so does a press more than ten minutes after the turn's first one. The turn is
 * kept in x_rescue_conn_press, one row per record and user. It is a counter, not a random number: two presses that
 * begin the next turn at the same moment agree on it without a lock.
 */
var RescuePresses = Class.create();

RescuePresses.TABLE = 'x_rescue_conn_press';
/** As long as the connector remembers a key. */
RescuePresses.TURN_MS = 10 * 60 * 1000;
/** One session's requests run one after the other: the second half of a double click comes after the first's answer. */
RescuePresses.DOUBLE_CLICK_MS = 5 * 1000;
/** Rows this old are of no use. */
RescuePresses.FORGET_DAYS = 1;

RescuePresses.prototype = {
    initialize: function () {},

    /**
     * The key of this press.
     *
     * @param {string} sysId of the record
     * @param {boolean} fresh whether another PIN is wanted
     * @returns {string} the key, or '' when the press cannot be remembered
     */
    key: function (sysId, fresh) {
        var row = this._row(sysId);
        if (!row) {
            return '';
        }
        var isDoubleClick = fresh && this._age(row, 'renewed') < RescuePresses.DOUBLE_CLICK_MS;
        var isOver = this._age(row, 'since') >= RescuePresses.TURN_MS;
        if (isOver || (fresh && !isDoubleClick)) {
            row.setValue('turn', this._turn(row) + 1);
            row.setValue('since', new GlideDateTime());
            if (!row.update()) {
                return '';
            }
        }
        return 'sn-' + row.getValue('press') + '-' + this._turn(row);
    },

    /** Remembers that "New Rescue PIN" got its answer, so that the other half of a double click gets the same. */
    renewed: function (sysId) {
        var row = this._row(sysId);
        if (row) {
            row.setValue('renewed', new GlideDateTime());
            row.update();
        }
    },

    /** Deletes what is of no use any more. */
    forget: function () {
        var old = new GlideRecord(RescuePresses.TABLE);
        var before = new GlideDateTime();
        before.addDaysUTC(-RescuePresses.FORGET_DAYS);
        old.addQuery('sys_updated_on', '<', before);
        old.deleteMultiple();
    },

    _row: function (sysId) {
        var press = sysId + '-' + gs.getUserID();
        var row = new GlideRecord(RescuePresses.TABLE);
        if (row.get('press', press)) {
            return row;
        }
        row.initialize();
        row.setValue('press', press);
        row.setValue('turn', 1);
        row.setValue('since', new GlideDateTime());
        if (row.insert()) {
            return row;
        }
        // Somebody else's insert came first: a second window of the same user.
        row = new GlideRecord(RescuePresses.TABLE);
        return row.get('press', press) ? row : null;
    },

    _turn: function (row) {
        return parseInt(row.getValue('turn'), 10) || 0;
    },

    /** Milliseconds since the time in a column; endless when there is none. */
    _age: function (row, column) {
        var value = row.getValue(column);
        return value ? new GlideDateTime().getNumericValue() - new GlideDateTime(value).getNumericValue() : Infinity;
    },

    type: 'RescuePresses'
};
