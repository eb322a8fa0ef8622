if (new x_rescue_conn.RescueSettings().saves(current)) {
    new x_rescue_conn.RescueStatus().test(current);
}
action.setRedirectURL(current);
