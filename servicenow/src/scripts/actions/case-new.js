new x_rescue_conn.RescueConnector().press(current, 'sn_customerservice_case', true);
action.setRedirectURL(current);
