new x_rescue_conn.RescuePinRequests().deleteOld();
new x_rescue_conn.RescuePins().deleteOld();
