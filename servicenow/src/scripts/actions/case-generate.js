new x_rescue_conn.RescueConnector().press(current, 'sn_customerservice_case', false);
action.setRedirectURL(current);
