new x_rescue_conn.RescueDailyCheck().carryOut();
