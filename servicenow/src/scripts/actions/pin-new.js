new x_rescue_conn.RescueConnector().press(current, true);
action.setRedirectURL(current);
