import '@servicenow/sdk/global'

declare global {
    namespace Now {
        namespace Internal {
            interface Keys extends KeysRegistry {
                explicit: {
                    'acl-pin-request-read': {
                        table: 'sys_security_acl'
                        id: '5d57de0aed35492085e29f6be858e706'
                    }
                    bom_json: {
                        table: 'sys_module'
                        id: '0ebf24f06d344f3fb87f6d5cc58a88b1'
                    }
                    'button-case-generate': {
                        table: 'sys_ui_action'
                        id: 'd1b0ea63fd644bc29c6928946007b03f'
                    }
                    'button-case-new': {
                        table: 'sys_ui_action'
                        id: '6d50b36b45cd4fdca514a4b470a906cb'
                    }
                    'button-incident-generate': {
                        table: 'sys_ui_action'
                        id: '59c32e5c08934dbb967d41a0e3bcdb20'
                    }
                    'button-incident-new': {
                        table: 'sys_ui_action'
                        id: '1c4edde3011447b190baf982d3d3ba49'
                    }
                    'criteria-administrators': {
                        table: 'user_criteria'
                        id: '0f1e4bba86344650a571d4282f6ee4c4'
                    }
                    'item-token-setup': {
                        table: 'sc_cat_item'
                        id: '610dd0d8b1ff45819721f95a9261a834'
                    }
                    'job-delete-old-pin-requests': {
                        table: 'sysauto_script'
                        id: '442ab4ac3fb945af968811de37fd2eac'
                    }
                    'may-read-incident': {
                        table: 'sys_scope_privilege'
                        id: '7006a9b6a9574112836217ed8952e568'
                    }
                    'may-read-item-option-rows': {
                        table: 'sys_scope_privilege'
                        id: '42f3f76de0fd4032832e8ce76c6fcd91'
                    }
                    'may-read-item-options': {
                        table: 'sys_scope_privilege'
                        id: 'ede338ef3b8a49eea786b73abd5f3a8a'
                    }
                    'may-read-property': {
                        table: 'sys_scope_privilege'
                        id: '1ae69a4bc6dd48db8e4642e96cc26bcd'
                    }
                    'may-read-registry': {
                        table: 'sys_scope_privilege'
                        id: '6491400eebf642b89495a3d6c170bb04'
                    }
                    'may-read-requested-item': {
                        table: 'sys_scope_privilege'
                        id: '15164f3770604eacb8002747e50c81b3'
                    }
                    'may-read-user': {
                        table: 'sys_scope_privilege'
                        id: '190deddf62a349d3853ba07affbba180'
                    }
                    'may-write-incident': {
                        table: 'sys_scope_privilege'
                        id: '5f7df8c7bb704c1d9379ad53928dc3a9'
                    }
                    'may-write-item-options': {
                        table: 'sys_scope_privilege'
                        id: 'd293020bbf43482ea90d4559751f4bc8'
                    }
                    'may-write-requested-item': {
                        table: 'sys_scope_privilege'
                        id: 'c3c0652be9b84449922b6ebc5b30b32e'
                    }
                    menu: {
                        table: 'sys_app_application'
                        id: 'ea29312bd3d34a478806745cd5da01ba'
                    }
                    'menu-settings': {
                        table: 'sys_app_module'
                        id: 'e98b6978ff37432cbecc86125914db28'
                    }
                    'menu-token-setup': {
                        table: 'sys_app_module'
                        id: 'e41476f15d5e48b9935dc18945717944'
                    }
                    'menu-token-setups': {
                        table: 'sys_app_module'
                        id: 'd0ee3bc3ec714b4fa68c5eaa27670955'
                    }
                    package_json: {
                        table: 'sys_module'
                        id: '4dcaf57167754102aa0afc2f6282f83e'
                    }
                    'property-api-key': {
                        table: 'sys_properties'
                        id: '8da013d1ed1341c895b1df67db1fe921'
                    }
                    'property-connector-url': {
                        table: 'sys_properties'
                        id: 'cc9f1c800d914eb983c32179e6bd065e'
                    }
                    'property-debug': {
                        table: 'sys_properties'
                        id: 'f3a6a1b0913f414186c8b2b36ec4cddd'
                    }
                    'property-email-customer': {
                        table: 'sys_properties'
                        id: '2f325be386d04fe6a1abb7d9d79848da'
                    }
                    'property-email-technician': {
                        table: 'sys_properties'
                        id: '008d6201fe42439f9a12c80459f4325a'
                    }
                    'property-enabled': {
                        table: 'sys_properties'
                        id: 'aa00bffb0fb04beaa36f32dcd26d69b6'
                    }
                    'property-show-button': {
                        table: 'sys_properties'
                        id: 'cb6409cdb504466991717552618e25f6'
                    }
                    'property-tenant': {
                        table: 'sys_properties'
                        id: '0e0c2abeb7ca4a30ad73ed6ea55a7621'
                    }
                    'rule-token-setup': {
                        table: 'sys_script'
                        id: '2bee59ee56e74d119a0514edb93a5ca6'
                    }
                    'script-connection': {
                        table: 'sys_script_include'
                        id: '3dbf4de53b464e20b5c7664a9533c135'
                    }
                    'script-connector': {
                        table: 'sys_script_include'
                        id: 'f30d0d17180e4aeabb0f4687d765de0d'
                    }
                    'script-pin-requests': {
                        table: 'sys_script_include'
                        id: '23847ef0b2754717ab8b4cbfaa6dd2a6'
                    }
                    'script-sentences': {
                        table: 'sys_script_include'
                        id: 'becba515d68242db8f9efe8e9a2033ef'
                    }
                    'script-token-setup': {
                        table: 'sys_script_include'
                        id: '5dcf74af68dd4190848492ce95e94a55'
                    }
                    settings: {
                        table: 'sys_properties_category'
                        id: 'f766d296e8eb49039516adbe8be28968'
                    }
                    'settings-api-key': {
                        table: 'sys_properties_category_m2m'
                        id: '7b0153e6a3b34c23922697394da6f7a4'
                    }
                    'settings-connector-url': {
                        table: 'sys_properties_category_m2m'
                        id: '0439a1f6076945daaad0783a82fa72b6'
                    }
                    'settings-debug': {
                        table: 'sys_properties_category_m2m'
                        id: 'e5d09a62196845908a8add1f99e4f50e'
                    }
                    'settings-email-customer': {
                        table: 'sys_properties_category_m2m'
                        id: 'dda5f0fff7a94eada5f50c3c2a343060'
                    }
                    'settings-email-technician': {
                        table: 'sys_properties_category_m2m'
                        id: '158521c865c142bb963525ce4b4a8a07'
                    }
                    'settings-enabled': {
                        table: 'sys_properties_category_m2m'
                        id: 'e4051692e9b3417fb280fb90e298f96b'
                    }
                    'settings-show-button': {
                        table: 'sys_properties_category_m2m'
                        id: '52989f375ed846e4ba96514999994698'
                    }
                    'settings-tenant': {
                        table: 'sys_properties_category_m2m'
                        id: 'b467a381778c4557bbf5a004b714f068'
                    }
                }
                composite: [
                    {
                        table: 'sys_user_role'
                        id: '0672cb413aad488aade8a9309c694810'
                        key: {
                            name: 'x_rescue_conn.admin'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '14c3e370964e4232aee32916d370b575'
                        key: {
                            sys_ui_action: '1c4edde3011447b190baf982d3d3ba49'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '19c56688bb864f15a8f46379f174ba46'
                        key: {
                            name: 'x_rescue_conn_pin_request'
                            element: 'request_number'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sc_cat_item_user_criteria_mtom'
                        id: '1e32c346bac84fb9a5b3445222d168fd'
                        key: {
                            sc_cat_item: '610dd0d8b1ff45819721f95a9261a834'
                            user_criteria: '0f1e4bba86344650a571d4282f6ee4c4'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '1f84b54ccefd463b9acbd0399471df7f'
                        key: {
                            sys_ui_action: '1c4edde3011447b190baf982d3d3ba49'
                            sys_user_role: {
                                id: 'de404565c946411c9079e58ae654c36b'
                                key: {
                                    name: 'x_rescue_conn.agent'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '2834602574694190ab251c6b3358bd5b'
                        key: {
                            sys_security_acl: '5d57de0aed35492085e29f6be858e706'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '2b1347a3603e404a8ed2973dfbf8a91d'
                        key: {
                            name: 'x_rescue_conn_pin_request'
                            element: 'record_and_user'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '3f9eb2d0958541ed800af2e0979597b2'
                        key: {
                            name: 'x_rescue_conn_pin_request'
                            element: 'new_pin_received_at'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '3fac4186744d441da41e9ce7d3e839c5'
                        key: {
                            name: 'x_rescue_conn_pin_request'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'item_option_new'
                        id: '44fac1686f334a629fd8dc4d32f076d0'
                        key: {
                            cat_item: '610dd0d8b1ff45819721f95a9261a834'
                            variable_set: 'NULL'
                            name: 'registry'
                        }
                    },
                    {
                        table: 'item_option_new'
                        id: '45e2146606674cc2be27e47af04f1efe'
                        key: {
                            cat_item: '610dd0d8b1ff45819721f95a9261a834'
                            variable_set: 'NULL'
                            name: 'service_account'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '475de78bcf1f4e8ab6875435e2fa7836'
                        key: {
                            name: 'x_rescue_conn_pin_request'
                            element: 'requested_at'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '5187e6f124ad41ccb76839e2e3c63c27'
                        key: {
                            name: 'x_rescue_conn_pin_request'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '583136487b4a4b01848e8d8d4080bd9b'
                        key: {
                            name: 'x_rescue_conn_pin_request'
                            element: 'new_pin_received_at'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '5b8be1649f0841bfa7acbfddbf38ef60'
                        key: {
                            sys_ui_action: '6d50b36b45cd4fdca514a4b470a906cb'
                            sys_user_role: {
                                id: 'de404565c946411c9079e58ae654c36b'
                                key: {
                                    name: 'x_rescue_conn.agent'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '5cafe9d5c28e44a5b43822f3c7f85887'
                        key: {
                            sys_ui_action: '6d50b36b45cd4fdca514a4b470a906cb'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sc_cat_item_catalog'
                        id: '6459a035e8ec411f8af7d59898247e5d'
                        key: {
                            sc_cat_item: '610dd0d8b1ff45819721f95a9261a834'
                            sc_catalog: 'e0d08b13c3330100c8b837659bba8fb4'
                        }
                    },
                    {
                        table: 'item_option_new'
                        id: '6955c004e9934286935ac0b714c04bb6'
                        key: {
                            cat_item: '610dd0d8b1ff45819721f95a9261a834'
                            variable_set: 'NULL'
                            name: 'client_id'
                        }
                    },
                    {
                        table: 'item_option_new'
                        id: '6ca0538950fc407083b174207d6cd690'
                        key: {
                            cat_item: '610dd0d8b1ff45819721f95a9261a834'
                            variable_set: 'NULL'
                            name: 'client_secret'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '87f1dc0e272449e492027f69745d2427'
                        key: {
                            name: 'x_rescue_conn_pin_request'
                            element: 'record_and_user'
                        }
                    },
                    {
                        table: 'sys_index'
                        id: '8ac10e4c511944c5aab3bc47423823d9'
                        key: {
                            logical_table_name: 'x_rescue_conn_pin_request'
                            col_name_string: 'record_and_user'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: 'a6ace74576c44a999fdb4ca306cd7bf4'
                        key: {
                            sys_ui_action: 'd1b0ea63fd644bc29c6928946007b03f'
                            sys_user_role: {
                                id: 'de404565c946411c9079e58ae654c36b'
                                key: {
                                    name: 'x_rescue_conn.agent'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ac4fa71fe7b6436b83831f695caae3a5'
                        key: {
                            name: 'x_rescue_conn_pin_request'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'b406be2e0a9d4589b50ef00321584dcf'
                        key: {
                            name: 'x_rescue_conn_pin_request'
                            element: 'request_number'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: 'c3c1cb71dbc54489966a3e174b9bb679'
                        key: {
                            sys_ui_action: 'd1b0ea63fd644bc29c6928946007b03f'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: 'd4380b818c44457db6bdc5fede115ecd'
                        key: {
                            name: 'x_rescue_conn_pin_request'
                        }
                    },
                    {
                        table: 'sys_user_role_contains'
                        id: 'd45804d5144243d3852a151330366deb'
                        key: {
                            role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                            contains: {
                                id: 'de404565c946411c9079e58ae654c36b'
                                key: {
                                    name: 'x_rescue_conn.agent'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: 'dc8ceff14c164fb082ed32f04fb66b7f'
                        key: {
                            sys_ui_action: '59c32e5c08934dbb967d41a0e3bcdb20'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_user_role'
                        id: 'de404565c946411c9079e58ae654c36b'
                        key: {
                            name: 'x_rescue_conn.agent'
                        }
                    },
                    {
                        table: 'item_option_new'
                        id: 'e61ad13925374c0088a8f9be9dea1a43'
                        key: {
                            cat_item: '610dd0d8b1ff45819721f95a9261a834'
                            variable_set: 'NULL'
                            name: 'service_password'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e94c62b802454e88b65e93b27c3dcd1b'
                        key: {
                            name: 'x_rescue_conn_pin_request'
                            element: 'requested_at'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: 'ef2effa142974e1389f854c6c016e20a'
                        key: {
                            sys_ui_action: '59c32e5c08934dbb967d41a0e3bcdb20'
                            sys_user_role: {
                                id: 'de404565c946411c9079e58ae654c36b'
                                key: {
                                    name: 'x_rescue_conn.agent'
                                }
                            }
                        }
                    },
                ]
            }
        }
    }
}
