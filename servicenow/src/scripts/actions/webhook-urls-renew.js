if (new x_rescue_conn.RescueSettings().saves(current)) {
    new x_rescue_conn.RescueSettings().renewWebhookUrls(current);
}
action.setRedirectURL(current);
