new x_rescue_conn.RescuePresses().forget();
