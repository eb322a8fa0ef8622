new x_rescue_conn.RescueSettings().retireWebhookUrls(current);
action.setRedirectURL(current);
