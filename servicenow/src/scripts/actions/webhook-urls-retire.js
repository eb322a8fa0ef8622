if (new x_rescue_conn.RescueSettings().saves(current)) {
    new x_rescue_conn.RescueSettings().retireWebhookUrls(current);
}
action.setRedirectURL(current);
