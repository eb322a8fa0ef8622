current.update();
action.setRedirectURL(current);
