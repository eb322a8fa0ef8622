(function executeRule(current, previous) {
    new x_rescue_conn.RescueSettings().save(current);
})(current, previous);
