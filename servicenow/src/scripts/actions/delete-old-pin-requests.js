new x_rescue_conn.RescuePinRequests().deleteOld();
