new x_rescue_conn.RescueConnector().press(current, 'incident', true);
action.setRedirectURL(current);
