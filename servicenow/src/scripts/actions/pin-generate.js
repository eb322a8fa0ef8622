new x_rescue_conn.RescueConnector().press(current, false);
action.setRedirectURL(current);
