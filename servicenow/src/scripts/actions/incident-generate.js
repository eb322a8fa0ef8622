new x_rescue_conn.RescueConnector().press(current, 'incident', false);
action.setRedirectURL(current);
