(function executeRule(current, previous /* null when display */) {
    new x_rescue_conn.RescueSettings().show(current, g_scratchpad);
})(current, previous);
