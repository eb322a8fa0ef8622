new x_rescue_conn.RescueStatus().test(current);
action.setRedirectURL(current);
