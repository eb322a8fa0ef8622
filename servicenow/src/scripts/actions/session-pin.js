(function executeRule(current, previous /* null when async */) {
    new x_rescue_conn.RescuePins().storeSession(current);
})(current, previous);
