(function executeRule(current, previous /* null when async */) {
    new x_rescue_conn.RescueTokenSetup().carryOut(current);
})(current, previous);
