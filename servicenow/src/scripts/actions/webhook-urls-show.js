if (new x_rescue_conn.RescueSettings().saves(current)) {
    new x_rescue_conn.RescueSettings().showWebhookUrls(current);
}
action.setRedirectURL(current);
