import '@servicenow/sdk/global'

declare global {
    namespace Now {
        namespace Internal {
            interface Keys extends KeysRegistry {
                explicit: {
                    'acl-pin-delete': {
                        table: 'sys_security_acl'
                        id: '151f73d0c1de40e583dabfee2d190879'
                    }
                    'acl-pin-read': {
                        table: 'sys_security_acl'
                        id: '15db236eb1d04133be46b67a68037a5a'
                    }
                    'acl-pin-request-read': {
                        table: 'sys_security_acl'
                        id: '5d57de0aed35492085e29f6be858e706'
                    }
                    'acl-session-create': {
                        table: 'sys_security_acl'
                        id: 'a3c31a34acfb491480695ff6cb514e5a'
                    }
                    'acl-session-delete': {
                        table: 'sys_security_acl'
                        id: '52ea5df4c3a24568b4751a52a20a991e'
                    }
                    'acl-session-read': {
                        table: 'sys_security_acl'
                        id: '4208518031104eb49539b61fad08beee'
                    }
                    'acl-session-read-agent': {
                        table: 'sys_security_acl'
                        id: 'b1d2db9e704945f9ae1b7237af4699e0'
                    }
                    'acl-session-report': {
                        table: 'sys_security_acl'
                        id: 'f7f9e4469a964b61afa8f3270a9fe35b'
                    }
                    'acl-session-write': {
                        table: 'sys_security_acl'
                        id: 'da2da448de1444d28cfe659c158960e8'
                    }
                    'acl-settings-read': {
                        table: 'sys_security_acl'
                        id: '71f0aabdd32a4459b642416d973a7bfe'
                    }
                    'acl-settings-write': {
                        table: 'sys_security_acl'
                        id: '2532985da7c745bd8145d776577c58b2'
                    }
                    bom_json: {
                        table: 'sys_module'
                        id: '0ebf24f06d344f3fb87f6d5cc58a88b1'
                    }
                    'button-case-generate': {
                        table: 'sys_ui_action'
                        id: 'd1b0ea63fd644bc29c6928946007b03f'
                        deleted: true
                    }
                    'button-case-new': {
                        table: 'sys_ui_action'
                        id: '6d50b36b45cd4fdca514a4b470a906cb'
                        deleted: true
                    }
                    'button-incident-generate': {
                        table: 'sys_ui_action'
                        id: '59c32e5c08934dbb967d41a0e3bcdb20'
                        deleted: true
                    }
                    'button-incident-new': {
                        table: 'sys_ui_action'
                        id: '1c4edde3011447b190baf982d3d3ba49'
                        deleted: true
                    }
                    'button-interaction-generate': {
                        table: 'sys_ui_action'
                        id: '621ac1f3a8b6440980167a8defb300d1'
                    }
                    'button-interaction-new': {
                        table: 'sys_ui_action'
                        id: '6b10e4457a054390873afaa3cc06098b'
                    }
                    'button-settings-save': {
                        table: 'sys_ui_action'
                        id: '5abfdc0302824aa0ab18a0b9850681ab'
                    }
                    'button-settings-test': {
                        table: 'sys_ui_action'
                        id: '3600a758d19f4bd18c66804c968999a0'
                    }
                    'button-task-generate': {
                        table: 'sys_ui_action'
                        id: 'c1fedba69ed44d14b1ee02747c571c4f'
                    }
                    'button-task-new': {
                        table: 'sys_ui_action'
                        id: 'f617ea30ca1d44a5b9e02b4d131ca4b1'
                    }
                    'button-webhook-urls-renew': {
                        table: 'sys_ui_action'
                        id: 'a1266995c2d74f26aecf4c34242cd3f4'
                    }
                    'button-webhook-urls-retire': {
                        table: 'sys_ui_action'
                        id: '366573f3122147caba4d1dc2daa1bc36'
                    }
                    'button-webhook-urls-show': {
                        table: 'sys_ui_action'
                        id: '70a1536278144e5ca3c0ced163ae6aed'
                    }
                    'client-settings-version': {
                        table: 'sys_script_client'
                        id: '31ddfea908154d4a8876ea70eafd70a0'
                    }
                    'criteria-administrators': {
                        table: 'user_criteria'
                        id: '0f1e4bba86344650a571d4282f6ee4c4'
                    }
                    dashboard: {
                        table: 'par_dashboard'
                        id: '0ace81e36f754364a1e0ba674b92f13f'
                    }
                    'dashboard-tab': {
                        table: 'par_dashboard_tab'
                        id: '66ac09c0271c4eaabf7f263dbb8f4d50'
                    }
                    'event-needs-attention': {
                        table: 'sysevent_register'
                        id: 'ec1d7943ee2e42038fac774574a55eba'
                    }
                    'item-token-setup': {
                        table: 'sc_cat_item'
                        id: '610dd0d8b1ff45819721f95a9261a834'
                    }
                    'job-daily-check': {
                        table: 'sysauto_script'
                        id: 'a9a0bfa58cc9443d8711eb3c38b2ed29'
                    }
                    'job-delete-old-pin-requests': {
                        table: 'sysauto_script'
                        id: '442ab4ac3fb945af968811de37fd2eac'
                    }
                    'mail-needs-attention': {
                        table: 'sysevent_email_action'
                        id: '6547f33205c64a3f97c9e4c67cbc7611'
                    }
                    'may-read-catalog-task': {
                        table: 'sys_scope_privilege'
                        id: '1ea8c3fea74942ac95ba4336f2dbfccd'
                    }
                    'may-read-change-request': {
                        table: 'sys_scope_privilege'
                        id: '5f25f56bfde04eb1b7405cddc98d1f1e'
                    }
                    'may-read-incident': {
                        table: 'sys_scope_privilege'
                        id: '7006a9b6a9574112836217ed8952e568'
                    }
                    'may-read-interaction': {
                        table: 'sys_scope_privilege'
                        id: '8e812949104e4c3b8942b0198d6755c7'
                    }
                    'may-read-item-option-rows': {
                        table: 'sys_scope_privilege'
                        id: '42f3f76de0fd4032832e8ce76c6fcd91'
                    }
                    'may-read-item-options': {
                        table: 'sys_scope_privilege'
                        id: 'ede338ef3b8a49eea786b73abd5f3a8a'
                    }
                    'may-read-problem': {
                        table: 'sys_scope_privilege'
                        id: 'd5c6232ff3b14fe5a6d5c88206fabd21'
                    }
                    'may-read-property': {
                        table: 'sys_scope_privilege'
                        id: '1ae69a4bc6dd48db8e4642e96cc26bcd'
                        deleted: true
                    }
                    'may-read-registry': {
                        table: 'sys_scope_privilege'
                        id: '6491400eebf642b89495a3d6c170bb04'
                    }
                    'may-read-request': {
                        table: 'sys_scope_privilege'
                        id: '11b9449620dd4d5a979959e855165004'
                    }
                    'may-read-requested-item': {
                        table: 'sys_scope_privilege'
                        id: '15164f3770604eacb8002747e50c81b3'
                    }
                    'may-read-tables': {
                        table: 'sys_scope_privilege'
                        id: 'aa83dd79bd82491085dacbedf19777ed'
                    }
                    'may-read-task': {
                        table: 'sys_scope_privilege'
                        id: '981f79855e1e4253b97b8f17e265a627'
                    }
                    'may-read-user': {
                        table: 'sys_scope_privilege'
                        id: '190deddf62a349d3853ba07affbba180'
                    }
                    'may-read-user-roles': {
                        table: 'sys_scope_privilege'
                        id: '024fc386825c4299a7272d9fd39d2f18'
                    }
                    'may-write-catalog-task': {
                        table: 'sys_scope_privilege'
                        id: '3ba4502bd71b4fe187611a9f935f1f75'
                    }
                    'may-write-change-request': {
                        table: 'sys_scope_privilege'
                        id: 'a469a2848d0348859fa8dcd651375958'
                    }
                    'may-write-incident': {
                        table: 'sys_scope_privilege'
                        id: '5f7df8c7bb704c1d9379ad53928dc3a9'
                    }
                    'may-write-interaction': {
                        table: 'sys_scope_privilege'
                        id: '7b534580713444e3920906644cd592d2'
                    }
                    'may-write-item-options': {
                        table: 'sys_scope_privilege'
                        id: 'd293020bbf43482ea90d4559751f4bc8'
                    }
                    'may-write-problem': {
                        table: 'sys_scope_privilege'
                        id: 'f6f085d1ad374c71b2794b69fbd52e75'
                    }
                    'may-write-requested-item': {
                        table: 'sys_scope_privilege'
                        id: 'c3c0652be9b84449922b6ebc5b30b32e'
                    }
                    menu: {
                        table: 'sys_app_application'
                        id: 'ea29312bd3d34a478806745cd5da01ba'
                    }
                    'menu-sessions': {
                        table: 'sys_app_module'
                        id: '08e230cea2cd42ac99997e11bac103e1'
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
                    'policy-token-setup': {
                        table: 'catalog_ui_policy'
                        id: '8e6a13d8917d48e59256bcece06bfd18'
                    }
                    'property-api-key': {
                        table: 'sys_properties'
                        id: '8da013d1ed1341c895b1df67db1fe921'
                        deleted: true
                    }
                    'property-connector-url': {
                        table: 'sys_properties'
                        id: 'cc9f1c800d914eb983c32179e6bd065e'
                        deleted: true
                    }
                    'property-debug': {
                        table: 'sys_properties'
                        id: 'f3a6a1b0913f414186c8b2b36ec4cddd'
                        deleted: true
                    }
                    'property-email-customer': {
                        table: 'sys_properties'
                        id: '2f325be386d04fe6a1abb7d9d79848da'
                        deleted: true
                    }
                    'property-email-technician': {
                        table: 'sys_properties'
                        id: '008d6201fe42439f9a12c80459f4325a'
                        deleted: true
                    }
                    'property-enabled': {
                        table: 'sys_properties'
                        id: 'aa00bffb0fb04beaa36f32dcd26d69b6'
                        deleted: true
                    }
                    'property-show-button': {
                        table: 'sys_properties'
                        id: 'cb6409cdb504466991717552618e25f6'
                        deleted: true
                    }
                    'property-tenant': {
                        table: 'sys_properties'
                        id: '0e0c2abeb7ca4a30ad73ed6ea55a7621'
                        deleted: true
                    }
                    'related-list-change-request': {
                        table: 'sys_ui_related_list_entry'
                        id: '3ea3056b123041ac8c90be9481fd4183'
                    }
                    'related-list-incident': {
                        table: 'sys_ui_related_list_entry'
                        id: '8ebf7fa1d204452a9d71b7251caa874e'
                    }
                    'related-list-interaction': {
                        table: 'sys_ui_related_list_entry'
                        id: 'eeaccda5d8674773910501268543148c'
                    }
                    'related-list-problem': {
                        table: 'sys_ui_related_list_entry'
                        id: 'f17dc15b437549a3ad421341599e899f'
                    }
                    'related-list-sc-req-item': {
                        table: 'sys_ui_related_list_entry'
                        id: '5c003b509e9a44559a820b172f6105b7'
                    }
                    'related-list-sc-task': {
                        table: 'sys_ui_related_list_entry'
                        id: '7cc6711024664013819196adb4f59d70'
                    }
                    'related-list-sn-customerservice-case': {
                        table: 'sys_ui_related_list_entry'
                        id: '45fb81bc8f8d44479e804da11992645b'
                    }
                    'related-list-sn-hr-core-case': {
                        table: 'sys_ui_related_list_entry'
                        id: '79230d71e2f94b83ad20130860ca53c0'
                    }
                    'report-pins-without-session': {
                        table: 'sys_report'
                        id: '0a34f2cf0cba43dabafc14a8de3f4a56'
                    }
                    'report-sessions-not-posted': {
                        table: 'sys_report'
                        id: 'efa3f80cbd9a4cdea0ae0ab2e1dccd59'
                    }
                    'report-sessions-per-week': {
                        table: 'sys_report'
                        id: '93ac9fefb5b44dcc99861a7e3619add0'
                    }
                    'report-sessions-without-record': {
                        table: 'sys_report'
                        id: '073b1f479a6448f9936c436321bf14dc'
                    }
                    'report-waiting-time': {
                        table: 'sys_report'
                        id: 'cba3fd07bd2444fa946620828160a2a2'
                    }
                    'report-work-time-group': {
                        table: 'sys_report'
                        id: 'e75f077a35f0469ebc0dac65a00beae4'
                    }
                    'report-work-time-technician': {
                        table: 'sys_report'
                        id: 'c015f564116944a5939fb9198fad809c'
                    }
                    'rule-session-pin': {
                        table: 'sys_script'
                        id: 'af771053898749fa871302eef2ce98fa'
                    }
                    'rule-settings-save': {
                        table: 'sys_script'
                        id: '6a5c2866a941497e9aed39f5e774df1a'
                    }
                    'rule-settings-show': {
                        table: 'sys_script'
                        id: '80ea8aed062b447eb2ea3cd3cd2cfafc'
                    }
                    'rule-token-setup': {
                        table: 'sys_script'
                        id: '2bee59ee56e74d119a0514edb93a5ca6'
                    }
                    'script-checks': {
                        table: 'sys_script_include'
                        id: '6493ea30211a49e09d32bd690d4cf4fa'
                    }
                    'script-connection': {
                        table: 'sys_script_include'
                        id: '3dbf4de53b464e20b5c7664a9533c135'
                    }
                    'script-connector': {
                        table: 'sys_script_include'
                        id: 'f30d0d17180e4aeabb0f4687d765de0d'
                    }
                    'script-daily-check': {
                        table: 'sys_script_include'
                        id: 'a195bea2bb074ddc88a62e870aa7c064'
                    }
                    'script-pin-requests': {
                        table: 'sys_script_include'
                        id: '23847ef0b2754717ab8b4cbfaa6dd2a6'
                    }
                    'script-pins': {
                        table: 'sys_script_include'
                        id: '1e9275378857405ba9b31df2bdffc703'
                    }
                    'script-record-types': {
                        table: 'sys_script_include'
                        id: '0f69403eb16e4c2482c89cd9ca1a78f9'
                    }
                    'script-sentences': {
                        table: 'sys_script_include'
                        id: 'becba515d68242db8f9efe8e9a2033ef'
                    }
                    'script-setting-fields': {
                        table: 'sys_script_include'
                        id: 'fe7acd2b07f94d97a4dafbbec4427d9c'
                    }
                    'script-settings': {
                        table: 'sys_script_include'
                        id: '843ff3e666184767bc91df31837703f0'
                    }
                    'script-status': {
                        table: 'sys_script_include'
                        id: 'cd693ccfa7314911a121a8d14caa235c'
                    }
                    'script-token-setup': {
                        table: 'sys_script_include'
                        id: '5dcf74af68dd4190848492ce95e94a55'
                    }
                    settings: {
                        table: 'sys_properties_category'
                        id: 'f766d296e8eb49039516adbe8be28968'
                        deleted: true
                    }
                    'settings-api-key': {
                        table: 'sys_properties_category_m2m'
                        id: '7b0153e6a3b34c23922697394da6f7a4'
                        deleted: true
                    }
                    'settings-connector-url': {
                        table: 'sys_properties_category_m2m'
                        id: '0439a1f6076945daaad0783a82fa72b6'
                        deleted: true
                    }
                    'settings-debug': {
                        table: 'sys_properties_category_m2m'
                        id: 'e5d09a62196845908a8add1f99e4f50e'
                        deleted: true
                    }
                    'settings-email-customer': {
                        table: 'sys_properties_category_m2m'
                        id: 'dda5f0fff7a94eada5f50c3c2a343060'
                        deleted: true
                    }
                    'settings-email-technician': {
                        table: 'sys_properties_category_m2m'
                        id: '158521c865c142bb963525ce4b4a8a07'
                        deleted: true
                    }
                    'settings-enabled': {
                        table: 'sys_properties_category_m2m'
                        id: 'e4051692e9b3417fb280fb90e298f96b'
                        deleted: true
                    }
                    'settings-record': {
                        table: 'x_rescue_conn_settings'
                        id: 'a9b6c4f2325a49669a61846ddcd63d20'
                    }
                    'settings-show-button': {
                        table: 'sys_properties_category_m2m'
                        id: '52989f375ed846e4ba96514999994698'
                        deleted: true
                    }
                    'settings-tenant': {
                        table: 'sys_properties_category_m2m'
                        id: 'b467a381778c4557bbf5a004b714f068'
                        deleted: true
                    }
                    'widget-pins-without-session': {
                        table: 'par_dashboard_widget'
                        id: '69ca9e073d5c4c00a90976201940176b'
                    }
                    'widget-sessions-not-posted': {
                        table: 'par_dashboard_widget'
                        id: 'b6d203811a0646779947dfdde1955c3a'
                    }
                    'widget-sessions-per-week': {
                        table: 'par_dashboard_widget'
                        id: '9daa9f8f32384762bbfb13b2ed35a65d'
                    }
                    'widget-sessions-without-record': {
                        table: 'par_dashboard_widget'
                        id: 'ce9c6bc0c3d14efca5e7dd51a833756e'
                    }
                    'widget-waiting-time': {
                        table: 'par_dashboard_widget'
                        id: '60603f56769d45a88e05051246e9a164'
                    }
                    'widget-work-time-group': {
                        table: 'par_dashboard_widget'
                        id: 'e90605381b2f4b85ac540ec56f621f89'
                    }
                    'widget-work-time-technician': {
                        table: 'par_dashboard_widget'
                        id: 'd42a146b90084adc8ab8ad05ed2ae353'
                    }
                }
                composite: [
                    {
                        table: 'sys_ui_element'
                        id: '00335553a2ee415cb4cac65a4f520b27'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '19'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '015f1c71b22f4c39b630545245b5d65b'
                        key: {
                            name: 'x_rescue_conn_pin'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '01cf2c06e5fd4f14b1fd237d0927fa4e'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'client_id'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: '02101af237524d6c96eb06389fcb86a6'
                        key: {
                            list_id: {
                                id: '0c367443e7ab42bcaee0a4887d76b86e'
                                key: {
                                    name: 'x_rescue_conn_pin'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'requested_by'
                        }
                    },
                    {
                        table: 'sys_ux_form_action'
                        id: '0248348ce0204538bb998a6a8baa97b4'
                        deleted: true
                        key: {
                            ui_action: '6d50b36b45cd4fdca514a4b470a906cb'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '02c153c212c44154b1cfc7ed5daf0ba8'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_base_url'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_form_section'
                        id: '02f88532e60b414480d0510ccd20b4af'
                        key: {
                            sys_ui_form: {
                                id: '9779634d96924cae9f920f24d0976594'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            sys_ui_section: {
                                id: '8d5ac5b073e84e52b0c7560f7e69741d'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Debug'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '035de5966a014e1eb34086baea28653b'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_renews_itself'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '0519e6ddfca04c40849153cffb8e86b0'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'warned_at'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '05367192655c477db138b754caaafd47'
                        key: {
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'service_account_password'
                            position: '2'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '05ab5baa00eb4076a7791178085b7b2d'
                        key: {
                            sys_ui_section: {
                                id: '2c465af8d7744b07b036c11ac19f41fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'From Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'platform'
                            position: '1'
                        }
                    },
                    {
                        table: 'sys_user_role'
                        id: '0672cb413aad488aade8a9309c694810'
                        key: {
                            name: 'x_rescue_conn.admin'
                        }
                    },
                    {
                        table: 'sys_ui_form_section'
                        id: '06eb0672807c42abbf43439eab1b78a5'
                        key: {
                            sys_ui_form: {
                                id: '88c0f693f6b84c94acee9d61e2466955'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            sys_ui_section: {
                                id: 'd279f3a71fb24584a278deb650c25a47'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '07285f430f33487b86feba28744a17c9'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'test_technician'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '074f953ff7cf4c74835e491dc0df11be'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_company_id'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '0752a77c055144cc98cf6205749718f7'
                        key: {
                            sys_ui_section: {
                                id: 'd279f3a71fb24584a278deb650c25a47'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'technician'
                            position: '7'
                        }
                    },
                    {
                        table: 'item_option_new'
                        id: '07b68f684e4848d8a64d57998cfd3147'
                        key: {
                            cat_item: '610dd0d8b1ff45819721f95a9261a834'
                            variable_set: 'NULL'
                            name: 'sign_in'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '0926dda857bb41e3bbd13d7f674cd512'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'console_sessions'
                            value: 'incident'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '0979503857534bc0b9d396b5068c5b15'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'rescue_api_logging'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '0a0e8f2a31e0470eae70a48dc9bca9e2'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'sso_password'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '0a495fa1527745e084dc1adcf2000538'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'oauth_client_secret'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '0afbee0190de40349c25d5ca3c6fcb62'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'interaction'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '0bebf6c4bd1d4517a63bbd7aae403fd3'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'technician'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '0c1a150582e94705ac94b4e6bbbabf77'
                        key: {
                            sys_security_acl: '151f73d0c1de40e583dabfee2d190879'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_list'
                        id: '0c367443e7ab42bcaee0a4887d76b86e'
                        key: {
                            name: 'x_rescue_conn_pin'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                            element: 'NULL'
                            relationship: 'NULL'
                            parent: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '0cac1b168f594a73b8992c075c412a9f'
                        key: {
                            sys_ui_section: {
                                id: 'e9986c30cda94ea4b23c30f77a82a755'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Connection'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'language'
                            position: '7'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '0cda47fa0e7d42299e637051bc713dce'
                        key: {
                            sys_ui_action: 'c1fedba69ed44d14b1ee02747c571c4f'
                            sys_user_role: {
                                id: 'de404565c946411c9079e58ae654c36b'
                                key: {
                                    name: 'x_rescue_conn.agent'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '0d274e9932284bcb8732e2b5af44b430'
                        key: {
                            sys_ui_section: {
                                id: '67afcefa3bc247fdaeadef1a0fdfb5fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Times'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '0'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '0d6e3272070f4517a6f1bf26c8d9d6ce'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'work_time'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '0e86026035114ff49603e65d114e177d'
                        key: {
                            sys_ui_action: '6b10e4457a054390873afaa3cc06098b'
                            sys_user_role: {
                                id: 'de404565c946411c9079e58ae654c36b'
                                key: {
                                    name: 'x_rescue_conn.agent'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '0efcbb132a1d4c348d28e9ea37f680fd'
                        key: {
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'grant_type'
                            position: '7'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '0f153f44bd944f75b68b37169f1cc046'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'require_signed_tracking'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '1040b235b36a486a989d7d73d6ea6b52'
                        key: {
                            sys_ui_section: {
                                id: 'e9986c30cda94ea4b23c30f77a82a755'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Connection'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'tenant'
                            position: '2'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '104e7118fe9c49bab28b87130509e388'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'language'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '112d0f4f6de94496baf593f7c92cac9f'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'missed_technicians'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '118c291bcb1f4104b88c4866ecb2586e'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'state'
                            value: 'started'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '12abc3d6cf9d44cf82886e35b0efdc94'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'publish'
                            value: 'all'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: '12d873b55da5467a93beb4a274e790a5'
                        key: {
                            list_id: {
                                id: '0c367443e7ab42bcaee0a4887d76b86e'
                                key: {
                                    name: 'x_rescue_conn_pin'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'session'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '13419dbd4b9f4600a3a60cfdf0ad3b84'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'source'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '1347f1c15be545a18411392b8f183e81'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'status_read_at'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '13899d9d9fde43fd85c26ee34c9bbe5d'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'record_columns'
                            position: '9'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '139e90d83b91408da30f6bb40dc3d55f'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'reconcile'
                        }
                    },
                    {
                        table: 'par_dashboard_permission'
                        id: '1400f04a73b74cee80f626cb6e12ac2c'
                        key: {
                            dashboard: '0ace81e36f754364a1e0ba674b92f13f'
                            user: 'NULL'
                            group: 'NULL'
                            role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_policy'
                        id: '14452afadd014ff7b647357e3ac52a6f'
                        key: {
                            table: 'x_rescue_conn_settings'
                            short_description: 'The OAuth client is set here for the other ways to sign in only'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '14c3e370964e4232aee32916d370b575'
                        deleted: true
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
                        table: 'sys_ui_form_section'
                        id: '15a36cb44d13490fb041a3a830ad5cb8'
                        key: {
                            sys_ui_form: {
                                id: '9779634d96924cae9f920f24d0976594'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            sys_ui_section: {
                                id: '34b135fdffa44d06ad49f677c4d64d28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Session details'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '1608f75c083d4987addd7db5ea099539'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'closed_records'
                            value: 'new'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '16957b666ccd4896a82f535f95bbb0d9'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'record_columns'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '16a238003d5a4b7083877107d75886c8'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1796f1b75f354abc9235991845e6b09e'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_api_token'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '17abfb4399914c3885302122802b0635'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'console_sessions'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '17d9a6e975394d8688d91585e3d93f4e'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '16'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '18255579e10d4198b7bf1b110ede752f'
                        key: {
                            sys_ui_section: {
                                id: 'e9986c30cda94ea4b23c30f77a82a755'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Connection'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '8'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '185d65d35a3f46ff86ced98df8b7f324'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'tenant_tables'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ux_form_action'
                        id: '1868b8dd0eca455f9663196940354341'
                        deleted: true
                        key: {
                            ui_action: '59c32e5c08934dbb967d41a0e3bcdb20'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '18b7a390a1bf4185b22a31a15ff62c59'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'webhook_key_id'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '19150f2a12c14cdd89441fc4723a00a4'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'report_nodes'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '1916fb0410ee4fba8c2fbf061efc4c06'
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'caller_field'
                            position: '7'
                        }
                    },
                    {
                        table: 'sys_choice_set'
                        id: '19c48b34c915404a84c2da9553323551'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'source'
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
                        table: 'sys_documentation'
                        id: '1a9294e63e9a4a1180c30400a9819976'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'reference_fields'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1ae66358ba044d1595ed9196a0354852'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'state'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: '1b1a8b4be12b475fa13d6202bf239a08'
                        key: {
                            list_id: {
                                id: '0c367443e7ab42bcaee0a4887d76b86e'
                                key: {
                                    name: 'x_rescue_conn_pin'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'record'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1ce8e9c85549451ab1d0a980906fab12'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'missed_sessions'
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
                        table: 'sys_ui_element'
                        id: '1e45d1e0483247268646dbc752a8e7ab'
                        key: {
                            sys_ui_section: {
                                id: 'd279f3a71fb24584a278deb650c25a47'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'interaction'
                            position: '3'
                        }
                    },
                    {
                        table: 'sys_ui_form_section'
                        id: '1e84aabb460e426cb6f1d4f88402f9da'
                        key: {
                            sys_ui_form: {
                                id: '9779634d96924cae9f920f24d0976594'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            sys_ui_section: {
                                id: 'e9986c30cda94ea4b23c30f77a82a755'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Connection'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '1f1817d748454b2a93d305b01783414b'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_api_token_state'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '1f84b54ccefd463b9acbd0399471df7f'
                        deleted: true
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
                        table: 'sys_documentation'
                        id: '1fc8ba9969af46d493b106b5b9791521'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'allow_host'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_user_role'
                        id: '20bf5729339a429898c5cafacfbc8e32'
                        key: {
                            name: 'x_rescue_conn.connector'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '216ce9a6dc5d4a3b88b0058cb34c30c9'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'webhook_url_started'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '22be116d95944d30a7e6ea21a3d78239'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'reference_fields'
                            position: '2'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '233c82eebf704430981e00dfc4aa8bcb'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'checks'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '23818e15abb74f30868c70f98b0b604c'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'paused_until'
                            position: '10'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '246056d54b644b2e8feb8359d9a2a3f1'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'closed_records'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '24b18e4b95eb4e73a25a4e951393b3c4'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_days_left'
                        }
                    },
                    {
                        table: 'sys_choice_set'
                        id: '24cae12fc93c4672887ab137aa794143'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'managed_by'
                        }
                    },
                    {
                        table: 'catalog_ui_policy_action'
                        id: '24d2075c2030407ab7eaee1a9e9ad479'
                        key: {
                            ui_policy: '8e6a13d8917d48e59256bcece06bfd18'
                            catalog_variable: 'IO:e61ad13925374c0088a8f9be9dea1a43'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '24e543850c6b46939b1fcfaeb373297f'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'source'
                            value: 'post'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '254d22ae196b4f1fa892348c025b38a9'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'console_sessions'
                            value: 'problem'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '2666579a97654040baf0182ad5b161b3'
                        key: {
                            sys_ui_action: 'a1266995c2d74f26aecf4c34242cd3f4'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '26e1765fe09e42f0be6f1cb97c37f01d'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'waiting_time'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '275015f08ce247abaaf24b7882373bce'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'email_technician'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '27bb43eb818c4939b3072c3aa9cd36aa'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'console_sessions'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '2805544db972493aae3b561413d804ce'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'caller_field'
                            position: '6'
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
                        table: 'sys_ui_element'
                        id: '2835b83d84be42e5bc0073e05d8ddd59'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'checks'
                            position: '20'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '285a105eeb6f42718f31c6b71987e203'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_expires_at'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '28e2b950ef874fd7a4787701267290c3'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'report_nodes'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '299ec30cf23347b18e06a01cb014bf4d'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'state'
                            value: 'ended'
                            language: 'en'
                            dependent_value: 'NULL'
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
                        table: 'sys_choice_set'
                        id: '2b69c60775354df891c643a8ac11a3cd'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'chat'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '2beaf0b2c1fc4d5e9ee71f870604d2f1'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'connector_url'
                        }
                    },
                    {
                        table: 'sys_ui_section'
                        id: '2c465af8d7744b07b036c11ac19f41fa'
                        key: {
                            name: 'x_rescue_conn_session'
                            caption: 'From Rescue'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '2ca5604cc96749e5a6f228d96fdda97f'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'comparison_failed_at'
                            position: '18'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '2ccbde709f87470d9f6ce9df77248638'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'session_table'
                            value: 'x_rescue_conn_session'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '2cf2948079a246558e2e7a3f08b97ddf'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'reconcile'
                            value: 'watch'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '2d28c84de5b84b48b7f0b8651065f205'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'record_types'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '2d9877758d62414dabffa2ff5b78cf90'
                        key: {
                            sys_ui_action: 'f617ea30ca1d44a5b9e02b4d131ca4b1'
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
                        id: '2db2530754554f8c90888b62375226c4'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '2e71cc5b11454eea85bb9cc72a881591'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'missed_sessions'
                            position: '15'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '2e72f3bb29d143c491b90471556dc53a'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'missed_technicians'
                            position: '20'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '30b1fe9f6f3843d0963dc5f4b0e3220b'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'connected_name'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '30d6e7a463c44a2b992bc38f8782eda5'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'service_account'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '31ec394b18c34d96a3cbae1fffa890ea'
                        key: {
                            sys_ui_section: {
                                id: '9d6b516bd9f44907a64677a4cffee830'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'technician_domains'
                            position: '4'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '3204d4f9d23347539b04ae0b57229382'
                        key: {
                            sys_ui_section: {
                                id: '2c465af8d7744b07b036c11ac19f41fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'From Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '6'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '321a7b4dc7ff450bbfbc68682ba599de'
                        key: {
                            name: 'x_rescue_conn_pin'
                            element: 'session'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '323b7a414ec240b2be815fe6ce31f765'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'language'
                            value: 'es'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '3253770d94e54a23a7284164041c6a41'
                        key: {
                            sys_ui_action: '621ac1f3a8b6440980167a8defb300d1'
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
                        id: '32d0be42999f42bd83295f3e8a03f4ac'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'published_fields'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '33f6b490d1f94bce87a43ff126629ad3'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'comparison_failed_at'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '343d4b06ae844546bc10bf49c5db2626'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_api_token'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_section'
                        id: '34b135fdffa44d06ad49f677c4d64d28'
                        key: {
                            name: 'x_rescue_conn_settings'
                            caption: 'Session details'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: '35824757064341d79f8e86979837ed97'
                        key: {
                            list_id: {
                                id: '88ae721ecd984a79b5054646998cc763'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'record'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '358c6f088ac04f0bafc38f86550912fb'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'missed_technicians'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '35d368aae4484d23b8a9a0b4a6dac8fa'
                        key: {
                            name: 'x_rescue_conn_pin'
                            element: 'requested_at'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '370c7a355f144facad5a8c41635ea628'
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'new_record_columns'
                            position: '12'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '372b7369bd104ca5b97d2ad20089b305'
                        key: {
                            sys_ui_section: {
                                id: '9d6b516bd9f44907a64677a4cffee830'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '10'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3848bb9e38c64c0b8b6f35bebddac3bf'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'client_id'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '3a633f6f0d4c448bb296551cc66a6512'
                        key: {
                            sys_ui_section: {
                                id: '67afcefa3bc247fdaeadef1a0fdfb5fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Times'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'waiting_time'
                            position: '5'
                        }
                    },
                    {
                        table: 'par_dashboard_visibility'
                        id: '3ab06d2c94b8449cb9bb3a69aedc605e'
                        key: {
                            dashboard: '0ace81e36f754364a1e0ba674b92f13f'
                            experience: '08c73d60537101100834ddeeff7b1287'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3ac1ed1182c14c4483e6b4bcba7691ec'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'paused_until'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3ad09a9d2379436dbb2ac1496ec1951a'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'mail_subject'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '3ad560e19f9d47e39b07066dc85a6f49'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'publish'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3b37b74b04094b9d8baf006b581bc068'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'new_record_columns'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '3b60546df8c2485ab37ea8e4fd759de3'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'report_technician'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '3b86bbb31c0e464e99ae3e091e896ce9'
                        key: {
                            sys_ui_section: {
                                id: 'd279f3a71fb24584a278deb650c25a47'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'state'
                            position: '6'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '3baa1588dfa1461a802b79ce895167e0'
                        key: {
                            sys_ui_section: {
                                id: '9d6b516bd9f44907a64677a4cffee830'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'require_console'
                            position: '9'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3bd52c7ccf744b5d9609dbd7ba5b2175'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'api_key'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '3c5c680ae5084cbb8f647f45ecd1f5ce'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'service_account'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '3d128621442c43c6a58167a024bd00f7'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_renews_itself'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '3e13d5a54db445c4a8d8e42144a86e1e'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'console_sessions'
                            value: 'ignore'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '3e81743cb1a343d2b467bde1089521ff'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'language'
                            value: 'fr'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '3efa0c831f4c483380ca25af79f23f8e'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'test_technician'
                            position: '23'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '3f093386eafb4b68bcd6ecf31986a917'
                        key: {
                            sys_ui_section: {
                                id: 'a9774dd38bd74945b9c76b71b8f8448c'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Missed sessions'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '0'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '3f27822d4d224defb41a1e8240ec48c5'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'reconcile'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '3f46978e563649da876fdbb5064179f3'
                        key: {
                            sys_ui_section: {
                                id: '9d6b516bd9f44907a64677a4cffee830'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'sso_password'
                            position: '2'
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
                        table: 'sys_ui_element'
                        id: '3fc32a2c7cbb459e833e6efaa10861a6'
                        key: {
                            sys_ui_section: {
                                id: 'e9986c30cda94ea4b23c30f77a82a755'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Connection'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'managed_by'
                            position: '3'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '3fe7a05ee05f4b93ae6d371994d92563'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'require_signed_tracking'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '402195d0ac89475a86516b38b69b760b'
                        key: {
                            sys_ui_action: '366573f3122147caba4d1dc2daa1bc36'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '40737829dcbb495999a7599f07068150'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'chat'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '41238daf8f714452b16dcb80c370d5cc'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'source'
                            value: 'report'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_section'
                        id: '42108000a2114a908791cb8f2bf16c28'
                        key: {
                            name: 'x_rescue_conn_settings'
                            caption: 'ServiceNow'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '422b313a79e242008750756e206b7908'
                        key: {
                            sys_ui_section: {
                                id: 'a9774dd38bd74945b9c76b71b8f8448c'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Missed sessions'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'reconcile'
                            position: '1'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '423b5966e16249adbe3a311cda1af60c'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'record_types'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '428c3ae15e53407b9f554db37e80dcb0'
                        key: {
                            sys_ui_section: {
                                id: '2c465af8d7744b07b036c11ac19f41fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'From Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '0'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '434cbbf16645477caf282832c528240a'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'read_version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '43d6ab6aa65849f385a8c9d130fc9041'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'transmitted'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '43da786ab1f04bd6923047867558aa86'
                        key: {
                            sys_security_acl: '52ea5df4c3a24568b4751a52a20a991e'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '4499f000e6ab496a9c8a332c36e6d373'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_state'
                            value: 'healthy'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '44ec259033664f3c954627f2c724734b'
                        key: {
                            sys_ui_section: {
                                id: 'd279f3a71fb24584a278deb650c25a47'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '0'
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
                        table: 'sys_security_acl_role'
                        id: '465aa0528b5242cb8e5cb30110881fac'
                        key: {
                            sys_security_acl: 'a3c31a34acfb491480695ff6cb514e5a'
                            sys_user_role: {
                                id: '20bf5729339a429898c5cafacfbc8e32'
                                key: {
                                    name: 'x_rescue_conn.connector'
                                }
                            }
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '468b9844407045f893d41cae388b1165'
                        key: {
                            name: 'x_rescue_conn_settings'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '46ff3d157b5d451993d59ffda9fd1310'
                        key: {
                            sys_ui_section: {
                                id: '778dd68f023e442b98e900d765b1c75a'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'PIN button and e-mails'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'email_customer'
                            position: '5'
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
                        table: 'sys_dictionary'
                        id: '476de979178a44d29749a6d8e05d0630'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'session'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '4782d9263ce542f29834e5ccb432bc07'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'started_at'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '47993109279540e78e01f20955b37c10'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'rescue_company_id'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '47af6940c1fc402b91d9a549eb269e50'
                        key: {
                            sys_ui_section: {
                                id: 'd279f3a71fb24584a278deb650c25a47'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '10'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4834b687e53d4ce69bdc493e2d785b66'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_account'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '48ea75cf9cf249608a645cc98b5d03b0'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'caller_field'
                            language: 'en'
                        }
                    },
                    {
                        table: 'par_dashboard_canvas'
                        id: '49559943dda84a5d856cbcda19c92ab4'
                        key: {
                            dashboard: '0ace81e36f754364a1e0ba674b92f13f'
                            dashboard_tab: '66ac09c0271c4eaabf7f263dbb8f4d50'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '497d75394ca54bfab766d77a4d6a5f56'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'paused'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '4993545e1725435b8a9390683103750c'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'technician'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '4add8b81cece4a4f9e3260a61f5ff80a'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'require_console'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_section'
                        id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                        key: {
                            name: 'x_rescue_conn_settings'
                            caption: 'Records'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '4b59d4e1567441b39c434f36a932fdfd'
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'record_types'
                            position: '10'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4bc3a9f0116c4c5f92a51df956376214'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_expires_at'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '4c4d9d220b8544f6949b3d7a0663e860'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'technician_email'
                        }
                    },
                    {
                        table: 'sys_ui_form_section'
                        id: '4cfb163d52b14b25b642c88413732ffe'
                        key: {
                            sys_ui_form: {
                                id: '9779634d96924cae9f920f24d0976594'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '4d971ab235364973bd2d1b847ec2fa57'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'email_technician'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '4e24d56bdbb94310a8c2f7106d5321a9'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'mail_text'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '4ea657b0d9c845278cc2fe030aaf746b'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_state'
                            value: 'not-needed'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '4f56181bd69d4bc2863a3de720ca15fc'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'reconcile'
                            value: 'off'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '4fd0327383374f3f8d399de1ac2b4f33'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'reference_fields'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '507645712aab4e4bbc06a39567175921'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'version'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '50bbb90a21e446ed800ed874ba1ae9d3'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'language'
                            value: 'nl'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '50c3d52717b148f290e80061936ef7e0'
                        key: {
                            sys_ui_section: {
                                id: 'a9774dd38bd74945b9c76b71b8f8448c'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Missed sessions'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '5'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '50fbb431a37a46499de275462e8af8a7'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'paused_until'
                            position: '9'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '510f7b26b1ad41a7a761b6a99890376a'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'platform'
                            language: 'en'
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
                        table: 'sys_ui_policy_action'
                        id: '51e08e047e834c7e8a91c6d2fa92c239'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'technician_domains'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '526de4f894664382a2f13dfad52188bb'
                        key: {
                            sys_ui_section: {
                                id: '778dd68f023e442b98e900d765b1c75a'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'PIN button and e-mails'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'email_technician'
                            position: '4'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '528c8cc4a4fc4bffa7124530b27c7e57'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'technician_name'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '5320382ad4244cf19babd92de5190cca'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'refresh_token_lifetime'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '54270c2019c84fb39c585b26f2c6dd41'
                        key: {
                            sys_ui_action: '5abfdc0302824aa0ab18a0b9850681ab'
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
                        id: '545e21dd88e24b9782d60f7d882a2dbf'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'chat'
                            language: 'en'
                        }
                    },
                    {
                        table: 'question_choice'
                        id: '546f4ec9c4be4758b67dcd5f7fbd4f6e'
                        key: {
                            question: {
                                id: '07b68f684e4848d8a64d57998cfd3147'
                                key: {
                                    cat_item: '610dd0d8b1ff45819721f95a9261a834'
                                    variable_set: 'NULL'
                                    name: 'sign_in'
                                }
                            }
                            value: 'refresh_token'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '55acf3131fbb4080a3d2d61595246022'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'token_days_left'
                            position: '3'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '55e4bddb4a92440487ed38d87e4ce801'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'last_received_at'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '55e98b471ca7445294f58a1fedee28a1'
                        key: {
                            sys_ui_section: {
                                id: '9d6b516bd9f44907a64677a4cffee830'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'sso_password_state'
                            position: '7'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '562715b618b2474695a50738b4443540'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'setup_link'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '562dad70562d4a9094aca4e1b49bc1a0'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'warned_at'
                            position: '11'
                        }
                    },
                    {
                        table: 'sys_choice_set'
                        id: '5737992073e14cefa71667715f5ef7ec'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'state'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '57950db3ae424e179f8557c04a438415'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'enabled'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '57b29fd741514517809ea2005e053d05'
                        key: {
                            sys_security_acl: '4208518031104eb49539b61fad08beee'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
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
                        table: 'sys_dictionary'
                        id: '585b67d1b10447429bb2dd391dd04e63'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'pin_note'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '592bb8de9a6f4749bc9fce983482a170'
                        key: {
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '0'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '5a2b040a73c34ca995fed8a0338de9da'
                        key: {
                            sys_ui_section: {
                                id: '67afcefa3bc247fdaeadef1a0fdfb5fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Times'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '6'
                        }
                    },
                    {
                        table: 'sys_choice_set'
                        id: '5a4ebb8d938f43978dad78928b2c7eb8'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'console_sessions'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '5a7014473c504d7fae30fba7f83590a6'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'reauthorization_wait'
                            position: '7'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '5a93c28aa54c4789a96b53dcca3ecf95'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'chat'
                            value: 'note'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '5b15c393bfcd4775a44b300f90aea3fa'
                        key: {
                            sys_ui_action: 'f617ea30ca1d44a5b9e02b4d131ca4b1'
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
                        id: '5b5e9f12ab6d43f284fdb24d4e243caf'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'reconcile_after'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '5b89fdfd1a2345c1b1617b0518555588'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '4'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '5b8be1649f0841bfa7acbfddbf38ef60'
                        deleted: true
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
                        table: 'catalog_ui_policy_action'
                        id: '5c4c698688ba4d268713533002e406ec'
                        key: {
                            ui_policy: '8e6a13d8917d48e59256bcece06bfd18'
                            catalog_variable: 'IO:45e2146606674cc2be27e47af04f1efe'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '5cafe9d5c28e44a5b43822f3c7f85887'
                        deleted: true
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
                        table: 'sys_documentation'
                        id: '5d32dd6cc8e149e7a316a217ad7a0174'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'connected_name'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '5d6611a0f7cb4920a82e5988c9214ff9'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_state'
                            value: 'reauthorization-needed'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '5d6ce97d01b5450f92452523a095fe23'
                        key: {
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'service_account'
                            position: '1'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '5e09ba480a7b41059c01246fa2fb8051'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'record'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '5e1701a78d524397825f8d35e7fdfb2e'
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '5'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '5e61e84c9b4d4842976f79a1866c313f'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_state'
                            value: 'none'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '5effdd80a3da4c2fade050d283e5ad27'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '5f3e4b2ff2344077837743bfe02d77b7'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'console_sessions'
                            value: 'sc_task'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '5f520c129a8547dea34cfe0d44a6c8e3'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'service_account_password_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '6091c357a662454e9748694565a12957'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'console_sessions'
                            value: 'interaction'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '60f9a468fd66413a85a18888bafaaf2d'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'session_table'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '6120db305f81419e9c8a4487928dcb70'
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'console_sessions'
                            position: '1'
                        }
                    },
                    {
                        table: 'sys_ux_form_action'
                        id: '61a18746802d4c82b6ab9f18b11b91ba'
                        key: {
                            ui_action: '6b10e4457a054390873afaa3cc06098b'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '61fd3fc7f60640faaada4831aba71537'
                        key: {
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'refresh_token_lifetime'
                            position: '9'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '6302b99831814c9a822d913299772f6f'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'reauthorization_wait'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '634eed93927749a9bd04f54c7eab72c3'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'show_button'
                            value: 'always'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '6369ac43ceec42f3b9be2681551ae386'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'chat'
                            value: 'omit'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '644b1306a8b74009a0afa51fd60570c1'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '12'
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
                        table: 'sys_ui_action_role'
                        id: '6509756a8dd84fe692bfb114cfc6df52'
                        key: {
                            sys_ui_action: '70a1536278144e5ca3c0ced163ae6aed'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '6562f78932ae4da88c726f4ebc5a63cf'
                        key: {
                            ui_policy: {
                                id: '14452afadd014ff7b647357e3ac52a6f'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'The OAuth client is set here for the other ways to sign in only'
                                }
                            }
                            field: 'oauth_client_secret_state'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '65b8e2e3e3cd4a1085560acdb1369372'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'language'
                            value: 'de'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_form_section'
                        id: '65cf95fa8e9a4cff8d519f1d326b1122'
                        key: {
                            sys_ui_form: {
                                id: '9779634d96924cae9f920f24d0976594'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            sys_ui_section: {
                                id: '9d6b516bd9f44907a64677a4cffee830'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '6603559bb03947bb949e7557954ad124'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'allow_host'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: '66431b634e89407288d2a24e062c6100'
                        key: {
                            name: 'x_rescue_conn_pin'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '669c5f09cd1542fea9b501726940277c'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'grant_type'
                            value: 'client_credentials'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '676187d62a79448c9d93bcad735d552b'
                        key: {
                            sys_ui_section: {
                                id: 'e9986c30cda94ea4b23c30f77a82a755'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Connection'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'setup_link'
                            position: '1'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '679be2ebea994c3895ca40de2ad0ec0d'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'missed_sessions'
                            position: '9'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '67aafdab22284277b1cbed2a0cbd8c47'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'comparison_failure'
                            position: '21'
                        }
                    },
                    {
                        table: 'sys_ui_section'
                        id: '67afcefa3bc247fdaeadef1a0fdfb5fa'
                        key: {
                            name: 'x_rescue_conn_session'
                            caption: 'Times'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '681acb828ba04cd99c2bd182563c7d8d'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'tenant_tables'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '6910cb19129c40b0a70587eee4863bae'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'tenant'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '69239053e95f497596670e42625e43ce'
                        key: {
                            sys_ui_section: {
                                id: 'd279f3a71fb24584a278deb650c25a47'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'session'
                            position: '1'
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
                        table: 'question_choice'
                        id: '6a2a64bf631640e69d8293a84e8e5313'
                        key: {
                            question: {
                                id: '07b68f684e4848d8a64d57998cfd3147'
                                key: {
                                    cat_item: '610dd0d8b1ff45819721f95a9261a834'
                                    variable_set: 'NULL'
                                    name: 'sign_in'
                                }
                            }
                            value: 'client_credentials'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '6aef4bdc88724c68a075d88cff032fa5'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'connector_logging'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '6b42b0e762fd4755ba8036d9950c2e87'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'published_fields'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '6b9c69cdbd3d46bfabc25b5602077828'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'posts_last_day'
                            position: '12'
                        }
                    },
                    {
                        table: 'sys_ui_form_section'
                        id: '6ba3255bf22a49899ad5100de0dccaa7'
                        key: {
                            sys_ui_form: {
                                id: '88c0f693f6b84c94acee9d61e2466955'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            sys_ui_section: {
                                id: '67afcefa3bc247fdaeadef1a0fdfb5fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Times'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '6c3c194e181041e583e7cd73ead55ec1'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'service_account'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '6c5e126a10e84ed4aecbad3098f7d2a8'
                        key: {
                            name: 'x_rescue_conn_pin'
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
                        table: 'sys_ui_element'
                        id: '6cf2d7b45b2b4cf29476af86c1f4c21b'
                        key: {
                            sys_ui_section: {
                                id: '2c465af8d7744b07b036c11ac19f41fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'From Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'pin'
                            position: '5'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '6d5830952c9a413880f76a784e2a8f80'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_choice_set'
                        id: '6de941e4c894467fb55e0475f3748b48'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'publish'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '6e39e609587b4ae8b4ab7f6c05f0048c'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'service_account_password'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '6e55154cfef74a98ba7640537b47c80e'
                        key: {
                            sys_ui_section: {
                                id: '778dd68f023e442b98e900d765b1c75a'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'PIN button and e-mails'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'show_button'
                            position: '1'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '6e7cdff1f57f4fe193dedfe0385fe137'
                        key: {
                            name: 'x_rescue_conn_pin'
                            element: 'record'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '6f6ce1f8e5004598b5a74e4d43abda17'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'managed_by'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7004fb14594940c19acddc8fe29d866d'
                        key: {
                            name: 'x_rescue_conn_pin'
                            element: 'requested_at'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '7020407a1e234df4ad94fe9f10d722a6'
                        key: {
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '6'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: '704e126d578742b8bd74b0bbcfc8908c'
                        key: {
                            list_id: {
                                id: '88ae721ecd984a79b5054646998cc763'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'closed_at'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7099bedb19274f6b92f75d559749e10e'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'posts_last_day'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '70b72166af30483c89a4b64a8bc97946'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'managed_by'
                            value: 'servicenow'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '718a91fc740941d7afcd01e9aa16212d'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'checks'
                            position: '27'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '71b8a9a4740c480aa6450c1871797f79'
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'reference_fields'
                            position: '3'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: '71eb03a7091648279c86496f7c1f0603'
                        key: {
                            list_id: {
                                id: '88ae721ecd984a79b5054646998cc763'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'pin'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '7262f8b52aef4274b77d36021463b247'
                        key: {
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'oauth_client_secret_state'
                            position: '10'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7274cac4937e4be5b7af86782e76c73e'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'require_console'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '72d6c9ab5b8e4ea49039779dd251f354'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '730f1fa446484d70835812259dff2249'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'posts_last_day'
                            position: '13'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '73ad68918dce4a829cc151ed6200bc70'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'email_customer'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '742e998726fe4dc8ba5025f50a0fa176'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'posts_last_day'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7464f68156704f44b67cd00c911a272d'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'webhook_url_ended'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: '74887484d2964f139033917728e55889'
                        key: {
                            list_id: {
                                id: '88ae721ecd984a79b5054646998cc763'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'waiting_time'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '74bb75deb1a4423b857f41dba64bb788'
                        key: {
                            sys_ui_section: {
                                id: '2c465af8d7744b07b036c11ac19f41fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'From Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'source'
                            position: '4'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '74d83f15a5b44c42b65535b86def5f54'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'token_state'
                            position: '1'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '755ed1d4651e417d84af8b7689a9b1f4'
                        key: {
                            sys_ui_section: {
                                id: '8d5ac5b073e84e52b0c7560f7e69741d'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Debug'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'debug'
                            position: '0'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '763020fbf8874d6c94e6110455846240'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'customer'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '7636ec8bbf804a92a92d2882dece73ba'
                        key: {
                            sys_ui_section: {
                                id: 'a9774dd38bd74945b9c76b71b8f8448c'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Missed sessions'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'report_technician'
                            position: '4'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '76b6203f4bc64d5c97ce7df18f6b68a5'
                        key: {
                            sys_ui_section: {
                                id: 'e9986c30cda94ea4b23c30f77a82a755'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Connection'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '0'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '76e52cedfe5b4a41bc9388325d845031'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'interaction'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '7707e5ff4f1e49009dca873c6bf05d2f'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'console_sessions'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: '7762d845c04149739c07a407ae6c5b09'
                        key: {
                            list_id: {
                                id: '0c367443e7ab42bcaee0a4887d76b86e'
                                key: {
                                    name: 'x_rescue_conn_pin'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'interaction'
                        }
                    },
                    {
                        table: 'sys_ui_section'
                        id: '778dd68f023e442b98e900d765b1c75a'
                        key: {
                            name: 'x_rescue_conn_settings'
                            caption: 'PIN button and e-mails'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '77ba06cbac5345a78c3011ff126d6eb0'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_rotated_at'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '78dcefb3617b46b2b5df065747e1e1d5'
                        key: {
                            name: 'x_rescue_conn_pin'
                            element: 'requested_by'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '791f714c030248e39d7923131b594317'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'platform'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7a4420581d2948b2a5cbc3101d442baa'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'connector_logging'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7a5b66ef03b348aca9ae8136478badd5'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'webhook_url_ended'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '7b3205ff0f2e419b9862462be824196b'
                        key: {
                            ui_policy: {
                                id: '14452afadd014ff7b647357e3ac52a6f'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'The OAuth client is set here for the other ways to sign in only'
                                }
                            }
                            field: 'oauth_client_secret'
                        }
                    },
                    {
                        table: 'sys_db_object'
                        id: '7bb20329f1434d84b060a75c5dee89df'
                        key: {
                            name: 'x_rescue_conn_session'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7c29d7bdd9534e50bdaf951a7a2c7f45'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'sso_password'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '7c926ee3a6ff46248b469f30ffaa14a2'
                        key: {
                            sys_ui_section: {
                                id: '9d6b516bd9f44907a64677a4cffee830'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'rescue_account'
                            position: '6'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7ca725b49f1340c4986ecc8629888bf7'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'connected_instance'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7cc50daf74b540e5a83e7681cca43926'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'connected_instance'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '7cd1549345f74e87a2a92b29e7fb1015'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'closed_records'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '7ef3192eac9f406eaefc7deb8c079e28'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'record_columns'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: '7f5b551bbdfe4567afd410f02c299cfd'
                        key: {
                            list_id: {
                                id: '88ae721ecd984a79b5054646998cc763'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'technician'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '7f5c2a69268044f3bfb84ce788f629f3'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_account'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: '805ab9ea40c24a64a981adf578e26937'
                        deleted: true
                        key: {
                            sys_security_acl: '4208518031104eb49539b61fad08beee'
                            sys_user_role: {
                                id: 'de404565c946411c9079e58ae654c36b'
                                key: {
                                    name: 'x_rescue_conn.agent'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '80f34c9ed7c849798ce5f172328fb875'
                        key: {
                            sys_ui_section: {
                                id: '9d6b516bd9f44907a64677a4cffee830'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '0'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '810030b2104a42f889f6d1191d3248fc'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'require_console'
                        }
                    },
                    {
                        table: 'sys_choice_set'
                        id: '813bc3bb08a04de8a5c505fdac938f82'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'session_table'
                        }
                    },
                    {
                        table: 'catalog_ui_policy_action'
                        id: '81558e3275c74987a3871b95ca31af20'
                        key: {
                            ui_policy: '8e6a13d8917d48e59256bcece06bfd18'
                            catalog_variable: 'IO:84cc3c9af40748769f226e83427ab037'
                        }
                    },
                    {
                        table: 'sys_ux_form_action'
                        id: '81c549977a9247f1b603c1af9e680a61'
                        key: {
                            ui_action: '621ac1f3a8b6440980167a8defb300d1'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '81dde50bac964c5ba31496c4cd09307e'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'token_renews_itself'
                            position: '4'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '81ec0718faf84ca8906ac7b615c2f08c'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'rescue_account'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '826f97d02d82489ea3ae439a19c5dd0d'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_state'
                            value: 'expires-soon'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_choice_set'
                        id: '82b3a7ee64504ffca9b934e7bf87c1f6'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_account'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '84780efaeee3435d8af146f9e05be5e6'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'report_technician'
                        }
                    },
                    {
                        table: 'item_option_new'
                        id: '84cc3c9af40748769f226e83427ab037'
                        key: {
                            cat_item: '610dd0d8b1ff45819721f95a9261a834'
                            variable_set: 'NULL'
                            name: 'keep_password'
                        }
                    },
                    {
                        table: 'sys_choice_set'
                        id: '84efceea4c3c479f98a1366543055b1a'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'language'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '84f30e58682949628823f4ef05434410'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'customer'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '85424d74030247fbbaa65b6642c0528a'
                        key: {
                            name: 'x_rescue_conn_pin'
                            element: 'interaction'
                        }
                    },
                    {
                        table: 'sys_choice_set'
                        id: '854af944c43f4697ba82b25d78c97164'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_state'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '8564c1c4919845008d52b7eb68734c64'
                        key: {
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'instance'
                            position: '5'
                        }
                    },
                    {
                        table: 'sys_ui_form_section'
                        id: '85e182cb2a44465f91e8d2f8aa8b22fa'
                        key: {
                            sys_ui_form: {
                                id: '88c0f693f6b84c94acee9d61e2466955'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            sys_ui_section: {
                                id: '2c465af8d7744b07b036c11ac19f41fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'From Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '8782fde09abc42c5906e5872c38ee345'
                        key: {
                            sys_ui_section: {
                                id: '778dd68f023e442b98e900d765b1c75a'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'PIN button and e-mails'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '0'
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
                        table: 'sys_ui_list'
                        id: '88ae721ecd984a79b5054646998cc763'
                        key: {
                            name: 'x_rescue_conn_session'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                            element: 'NULL'
                            relationship: 'NULL'
                            parent: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_form'
                        id: '88c0f693f6b84c94acee9d61e2466955'
                        key: {
                            name: 'x_rescue_conn_session'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_ui_section'
                        id: '88f245aee5a04ab2871cf50b8b73ffa9'
                        key: {
                            name: 'x_rescue_conn_settings'
                            caption: 'Status'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '890382f12ecf498987e7dffc288296cf'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'tested_at'
                            position: '25'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '892abb42697e4dec828865eb93961972'
                        key: {
                            sys_ui_section: {
                                id: '778dd68f023e442b98e900d765b1c75a'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'PIN button and e-mails'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '3'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '89ee6eb57c0548c0b4a22c39ee9ce8f8'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'tested_at'
                            position: '18'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '8a427af961794da882cadaccf31d8a9c'
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'session_table'
                            position: '2'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '8ab3c3f0e1344b089616ff2de3da47b3'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'reference_fields'
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
                        table: 'sys_ui_element'
                        id: '8ad32364a66f4e108b9b9f02ad3ab387'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'status_read_at'
                            position: '7'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '8af5dc12a31842b49d58da921b58862b'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '6'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '8ba6d43791fe4144b0383976605fe225'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'publish'
                            value: 'none'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '8c72cddd73fb44b8b107f70c4664ff40'
                        key: {
                            sys_ui_section: {
                                id: '9d6b516bd9f44907a64677a4cffee830'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'rescue_company_id'
                            position: '1'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '8cb959c39fc9499382bb138c0827b15c'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'closed_at'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: '8ccbedf223d24d22b133c63a39da2f00'
                        key: {
                            sys_ui_action: '3600a758d19f4bd18c66804c968999a0'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '8cf5478211a34d2294e8644b78734f17'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '24'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '8d4ee561f75e4f72b7c41391899708fb'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '11'
                        }
                    },
                    {
                        table: 'sys_ui_section'
                        id: '8d5ac5b073e84e52b0c7560f7e69741d'
                        key: {
                            name: 'x_rescue_conn_settings'
                            caption: 'Debug'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '8de12ab1dac047999472fdf718920925'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'pin'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '8de85786951a4b5994d1919c073643fe'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'caller_field'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '8e4a5f1cc75d407a92cc5f7ddff08a0f'
                        key: {
                            sys_ui_section: {
                                id: '2c465af8d7744b07b036c11ac19f41fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'From Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'transmitted'
                            position: '2'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '8e7c8dbc4bfe457cb5ca21bd6ba6bcb2'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '17'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '8ee564c46fcf4dcdb7eb046974246e63'
                        key: {
                            sys_ui_section: {
                                id: 'e9986c30cda94ea4b23c30f77a82a755'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Connection'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'enabled'
                            position: '5'
                        }
                    },
                    {
                        table: 'sys_choice_set'
                        id: '8ef85c46f38844d29a6f2d71b12aab18'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'closed_records'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '8f39737601d940ad81066108a6cb16eb'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'new_record_columns'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '8f4f7728e2804ec3ab52c3e9d3465995'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_api_token_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_choice_set'
                        id: '8f6710b3279644beb761ebe0b99f759f'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'reconcile'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '8f9dd259ac02420a89de3f5a856add98'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'closed_records'
                            value: 'reopen'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '90b9c530c11a4ce4a58f3a2308420a92'
                        key: {
                            sys_ui_section: {
                                id: '34b135fdffa44d06ad49f677c4d64d28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Session details'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'published_fields'
                            position: '5'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9104a851cbb84139a09a3ee274267621'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'grant_type'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '91573910043d4bf0894e33e9c1664b40'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '26'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '9204b8c62b3e4c07a03a4d8423dae892'
                        key: {
                            sys_ui_section: {
                                id: 'e9986c30cda94ea4b23c30f77a82a755'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Connection'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'connector_url'
                            position: '6'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '925e766288fe4c5aa99b83e33451af6b'
                        key: {
                            name: 'x_rescue_conn_pin'
                            element: 'interaction'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '9266207a82ae406184eb48416a5a75f1'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'language'
                            value: 'en'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '927156bb5a5646a2a14fc6aab5265080'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'webhook_keys'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '92e7ad8dd8a9445ab3207f054173a492'
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'closed_records'
                            position: '6'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '92ee061fb9d344d2bb91d040ef582a3d'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'tested_at'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '93976b68187f44fba815004f1b88cab1'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'enabled'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '9434c77c6bb04756834eb2737466394e'
                        key: {
                            sys_ui_section: {
                                id: '2c465af8d7744b07b036c11ac19f41fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'From Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '3'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9448df7e0e784dc1bb976c0b13394ef4'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'email_customer'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '94c1e632ada84d44810f40dcc686b4fd'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'refresh_token_lifetime'
                        }
                    },
                    {
                        table: 'sys_index'
                        id: '94df92d0cf154d70a46e1df1336ddf95'
                        key: {
                            logical_table_name: 'x_rescue_conn_session'
                            col_name_string: 'session'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '959808e029a04eeaacc4de18c203da6e'
                        key: {
                            name: 'x_rescue_conn_pin'
                            element: 'session'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '96b386b95ba248f28548dcacfbb03dab'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'reconcile_after'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '972d3093f4f34014ad172ab647e0d808'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'closed_records'
                            position: '5'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: '974b8841d2c94521932a7e33dfb16291'
                        key: {
                            list_id: {
                                id: '88ae721ecd984a79b5054646998cc763'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'work_time'
                        }
                    },
                    {
                        table: 'sys_ui_form'
                        id: '9779634d96924cae9f920f24d0976594'
                        key: {
                            name: 'x_rescue_conn_settings'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: '979f8f4296474d4c8e36b0e4fb75b47c'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'session_table'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '97f782f551b34193bdb5c99843793d94'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'warned_at'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9811b8bd7ba244558edb4c5b26a16f70'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'pin_note'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '9847d8737f2a49d9a34bc0324764c986'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'console_sessions'
                            value: 'case'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '98598c51da2b4b609dbbec6027cf7626'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'report_technician'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '990d828d117c4f9b89b87d33b7ce0d46'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_base_url'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '99182be3d30d46459c5cf1748f696445'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'warnings_sent'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9997d55b2d2e46ce9dc391ec439378e2'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'missed_sessions'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '999ed57ad3dd4346a4eca1d9e15a8555'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'token_expires_at'
                            position: '2'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '99ab9e52f59247dc8e255dff4d710783'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'sso_password_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '9a097dde394b4b0c9608090723944875'
                        key: {
                            sys_ui_section: {
                                id: 'e9986c30cda94ea4b23c30f77a82a755'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Connection'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'webhook_keys'
                            position: '9'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9a9ab72eef4547b1b18b8714be64b22f'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'webhook_key_id'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9acdb1e9c55540a9893abb53a93726a7'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'show_button'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9b0fdb551bad48c09f237de33c9153d7'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'status_read_at'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '9b926343b042488797393496986b2f29'
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '0'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '9bb99fb999df4139a65f40a28a0107a7'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'closed_records'
                            value: 'note'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9c9edf7d025540f9b67784883988ee80'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'comparison_failed_at'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9cc07c553bd6411f8ee024c3823b94fd'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'paused'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '9ce4df5cc985456ba453052e39958198'
                        key: {
                            sys_ui_section: {
                                id: 'd279f3a71fb24584a278deb650c25a47'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'technician_name'
                            position: '8'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: '9d09fbd13a214861a47230772369e256'
                        key: {
                            sys_ui_section: {
                                id: '9d6b516bd9f44907a64677a4cffee830'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'rescue_api_token_state'
                            position: '8'
                        }
                    },
                    {
                        table: 'sys_ui_section'
                        id: '9d6b516bd9f44907a64677a4cffee830'
                        key: {
                            name: 'x_rescue_conn_settings'
                            caption: 'Rescue'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: '9db1f7f1fd524bd9a922c120c9a0b1a2'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'last_received_at'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9f448e55eac8435d97f93749cab33a24'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'reconcile_after'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: '9f78271be52f4f0bba5e8bd99be1549c'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'reconcile'
                            value: 'write'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: '9fb12519494743a095fa924025e6ec35'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: 'a030f4637e1a48a2a0e5bfa03c54f4b7'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'connector_logging'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'a17a606e48e64eca8e221b8091a72020'
                        key: {
                            sys_ui_section: {
                                id: '9d6b516bd9f44907a64677a4cffee830'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'rescue_base_url'
                            position: '11'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a17f61542ee1453a9daee9a912638f06'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'comparison_failure'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'a1d8e5aac8fb4be3856c815ed801762a'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'setup_link'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'a211ac0dab4c4aa2af1b8adf9280a746'
                        key: {
                            sys_ui_section: {
                                id: 'a9774dd38bd74945b9c76b71b8f8448c'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Missed sessions'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '3'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'a219f767b9d54836b3568721f15aef48'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'debug'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'a2dcc277fc4d460aaf0e8070625c0907'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'version'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a415339a2afb4109934350ee3f3a690a'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'language'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'a4e5e057df224751a105bde0c7d8a4f1'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'warned_at'
                            position: '10'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: 'a52b07e52b6b448ab9d5ffc866967101'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'publish'
                            value: 'selected'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_form_section'
                        id: 'a5c16869902f4b69becb4d43ab1e5415'
                        key: {
                            sys_ui_form: {
                                id: '9779634d96924cae9f920f24d0976594'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            sys_ui_section: {
                                id: 'a9774dd38bd74945b9c76b71b8f8448c'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Missed sessions'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'a61a77da72af40ec83067074debb6323'
                        key: {
                            sys_ui_section: {
                                id: 'd279f3a71fb24584a278deb650c25a47'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'customer'
                            position: '4'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'a69e2e403cd44dc184ee03edcd078649'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'warnings_sent'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: 'a6ace74576c44a999fdb4ca306cd7bf4'
                        deleted: true
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
                        table: 'sys_ui_element'
                        id: 'a6ea984ab49a43c2a3e023d67f2395a3'
                        key: {
                            sys_ui_section: {
                                id: '67afcefa3bc247fdaeadef1a0fdfb5fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Times'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'started_at'
                            position: '1'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'a6f214d7228342d48e7a5d05f1bc9a43'
                        key: {
                            sys_security_acl: '71f0aabdd32a4459b642416d973a7bfe'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: 'a7bfca8ab0684be3b7325982dab30e08'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'console_sessions'
                            value: 'sc_req_item'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_form_section'
                        id: 'a7e9ed59b24145af9b7c72566e83c02d'
                        key: {
                            sys_ui_form: {
                                id: '9779634d96924cae9f920f24d0976594'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            sys_ui_section: {
                                id: '778dd68f023e442b98e900d765b1c75a'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'PIN button and e-mails'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: 'a891e1646e11436791ae58c2992f7c13'
                        key: {
                            sys_ui_action: '621ac1f3a8b6440980167a8defb300d1'
                            sys_user_role: {
                                id: 'de404565c946411c9079e58ae654c36b'
                                key: {
                                    name: 'x_rescue_conn.agent'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_policy'
                        id: 'a8ad93ddeaa343db8496566a4729bbff'
                        key: {
                            table: 'x_rescue_conn_settings'
                            short_description: 'Settings that the operator keeps in a file are shown only'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'a950e789c62748d89479b703efb12053'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'debug'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_section'
                        id: 'a9774dd38bd74945b9c76b71b8f8448c'
                        key: {
                            name: 'x_rescue_conn_settings'
                            caption: 'Missed sessions'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'a9f7a8db108944029a9da378a7bdc6c8'
                        key: {
                            sys_ui_section: {
                                id: 'd279f3a71fb24584a278deb650c25a47'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'technician_email'
                            position: '9'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'aa3f4715d63943f69e332edddf2923e6'
                        key: {
                            sys_ui_section: {
                                id: '34b135fdffa44d06ad49f677c4d64d28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Session details'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '0'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'ab3dff2ae5c64d9f9425d7e99cc66f3a'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '15'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'ab6e9f0a7d7749be866a4c53f864fad3'
                        key: {
                            sys_ui_section: {
                                id: '34b135fdffa44d06ad49f677c4d64d28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Session details'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'chat'
                            position: '3'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: 'ab81c96f84904d8985d75a62a13ea9a7'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'show_button'
                            value: 'open'
                            language: 'en'
                            dependent_value: 'NULL'
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
                        table: 'sys_ui_element'
                        id: 'ac63384ded684826abcc94dd98f2113a'
                        key: {
                            sys_ui_section: {
                                id: '8d5ac5b073e84e52b0c7560f7e69741d'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Debug'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'rescue_api_logging'
                            position: '2'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ac692656b86c4b0f8038b2ae529b8978'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_api_logging'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: 'acf8edf7b24e4af0b00c25b360f454d1'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'grant_type'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: 'ad2a865398ad4f3aba5123408d2f7baa'
                        key: {
                            ui_policy: {
                                id: '14452afadd014ff7b647357e3ac52a6f'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'The OAuth client is set here for the other ways to sign in only'
                                }
                            }
                            field: 'client_id'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'ad8fd9bf70e546b59d1578100f195817'
                        key: {
                            sys_ui_section: {
                                id: '8d5ac5b073e84e52b0c7560f7e69741d'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Debug'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'read_version'
                            position: '3'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'ae2565b846d441d7965d3887b4b9a63a'
                        key: {
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'oauth_client_secret'
                            position: '4'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'aea21b2b52e34a6d846f40e279f7a7b5'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'paused'
                            position: '14'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'b02cc923a1f34424894d2c3b9c935625'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'compared_until'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: 'b0702f835ec44c10bd8cd15320e423a8'
                        key: {
                            list_id: {
                                id: '88ae721ecd984a79b5054646998cc763'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'started_at'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: 'b0824be33bae4c1cb446e43902b09038'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'enabled'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b1910ba1be794c1fbeddaeb957e3954e'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'grant_type'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'b2a6a21f6b94403ca3f9e145f64a0466'
                        key: {
                            sys_ui_section: {
                                id: '9d6b516bd9f44907a64677a4cffee830'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '5'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'b31489e628c641aaa2e8f1ced9c24722'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'require_signed_tracking'
                            position: '3'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b38b10299e114ee096c99a538fc89467'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'webhook_keys'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'b3adb9197afc495b8e328147b4fa13c2'
                        key: {
                            sys_ui_section: {
                                id: 'a9774dd38bd74945b9c76b71b8f8448c'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Missed sessions'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'reconcile_after'
                            position: '2'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b3cc38d50c0d4cfeb2c5c3793e83e677'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'api_key'
                            language: 'en'
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
                        table: 'sys_db_object'
                        id: 'b421a7cbaab843129a3af081963cd13f'
                        key: {
                            name: 'x_rescue_conn_settings'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b51e27ae6f1c49e383f2ac84788a88fe'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'connector_url'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b57c68cce6be46218f374a63e84f9520'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'waiting_time'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'b59fa61cd95d465dadd63f8faeeb4890'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'last_received_at'
                            position: '8'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'b6331fe509804d81977873987a59d1a9'
                        key: {
                            sys_ui_section: {
                                id: '778dd68f023e442b98e900d765b1c75a'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'PIN button and e-mails'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '6'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b64e9f123e3445c6afaabab460242354'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'technician_domains'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'b70b0a80585a4f5a89d3c50c6bc08b19'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'compared_until'
                            position: '17'
                        }
                    },
                    {
                        table: 'sys_ux_form_action'
                        id: 'b74faa1493a64da7abf071dc3f6bfef3'
                        deleted: true
                        key: {
                            ui_action: '1c4edde3011447b190baf982d3d3ba49'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'b91b0c20185f45418868a7c00fb993fa'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'reauthorization_wait'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'b92c1f4c42a44dfc9b458580ee99bcd4'
                        key: {
                            sys_ui_section: {
                                id: '8d5ac5b073e84e52b0c7560f7e69741d'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Debug'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'connector_logging'
                            position: '1'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'b948a339af2546288f8e91c7513debda'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'read_version'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: 'b9c4b7e25e6545078058b8698d927223'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'published_fields'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'bb0b2e5721c9447c824352a8316c7088'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'tested_at'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'bc22920326104389bdf528744b545735'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'technician_name'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: 'bcaafb8ce1fb40f590aef9310442cdb0'
                        key: {
                            sys_ui_action: 'c1fedba69ed44d14b1ee02747c571c4f'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: 'bcc6bb96fef8476f935621af9f23676c'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'managed_by'
                            value: 'file'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'bd4c15a86ace41aea5cc2823f238dc21'
                        key: {
                            name: 'x_rescue_conn_pin'
                            element: 'NULL'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: 'be12f212f97347368e46175c0dd23e2d'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'reconcile'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'bf143afe8d7b402b90af4a63fdd01499'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '22'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: 'bf49a37e91a54b648ac56c33443f3e04'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_account'
                            value: 'eu'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c01f2bb1764044c68f094d748c98a9f4'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'closed_records'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c09b4362c77048a5b5ceab06fe66b3d6'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_state'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c0e181073a3f4c788d4a0cdeae18e958'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'transmitted'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c10e3ed4814041feb547f95d790faf43'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'source'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'c12a50ece9e7453d807ab582a18904e2'
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'reauthorization_wait'
                            position: '8'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c1e0e3b382d8453d93362a51d1d86a63'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'chat'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c2e8aa6b8f7b49b2a94b57c5b0904728'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'oauth_client_secret'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'c3640c3d0de94cbd9281b5170d9394d0'
                        key: {
                            name: 'x_rescue_conn_pin'
                            element: 'requested_by'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: 'c3c1cb71dbc54489966a3e174b9bb679'
                        deleted: true
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
                        table: 'sys_choice'
                        id: 'c3c39e3c38344f2abbe4e47ff1eec82d'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'chat'
                            value: 'attachment'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c40bd35ba39e4a66b9c7cb1dd6a63e16'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'checks'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'c443d9a116f140f98ba8f4fc08cde86c'
                        key: {
                            sys_security_acl: '2532985da7c745bd8145d776577c58b2'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_form_section'
                        id: 'c44c5a5d1bcf4029ba8d5d18db4aa4e3'
                        key: {
                            sys_ui_form: {
                                id: '9779634d96924cae9f920f24d0976594'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: 'c5c5a4f25a164ee1b3230eaadf68a0a9'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'record_columns'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c64a569ed2e34d0595b6c42e58a938a8'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'work_time'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: 'c6cf9f0ae1474a8eb1d4c8c1f19167d6'
                        key: {
                            sys_ui_action: '6b10e4457a054390873afaa3cc06098b'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: 'c7128df225de4cb2a0517cc46991d040'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'language'
                        }
                    },
                    {
                        table: 'sys_choice_set'
                        id: 'c7fc1af0e8d04b39901b244e6a0d2a6d'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'grant_type'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c845273786d945829a82cc3766727092'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'new_record_columns'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'c8613c10049249868f071f478569e7bc'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_api_logging'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: 'c8ab7073247c4fdb8d591cab5c3f9241'
                        key: {
                            list_id: {
                                id: '0c367443e7ab42bcaee0a4887d76b86e'
                                key: {
                                    name: 'x_rescue_conn_pin'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'requested_at'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: 'cbabc9a7624b446b983341824321bc76'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'console_sessions'
                            value: 'sn_hr_core_case'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: 'cc20a02660494f3da53821fdb3bf0b52'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_account'
                            value: 'enterprise'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'cc654319ebdf4726b5bcfc1e40aa96cd'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '0'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'cc6de93fefb84ad8bafda779ac3a2c8a'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_days_left'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'cc89256eb03348e1943793df2d68c53b'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'session'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'cd24e21223594d60819844776192cbce'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'record'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_choice_set'
                        id: 'cdd3b6129f104a1f92d4b75d544951b6'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'show_button'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ce2dbb5686104d408bac335f6ebd1942'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'compared_until'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'ce4fffd3a8a2460c976d89434984e893'
                        key: {
                            sys_ui_section: {
                                id: 'e9986c30cda94ea4b23c30f77a82a755'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Connection'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '4'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'd045239aac594c6cbc5338c0773c1a94'
                        key: {
                            sys_ui_section: {
                                id: '67afcefa3bc247fdaeadef1a0fdfb5fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Times'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'work_time'
                            position: '4'
                        }
                    },
                    {
                        table: 'ua_table_licensing_config'
                        id: 'd04f3ee345014271898c7bef4198100f'
                        key: {
                            name: 'x_rescue_conn_session'
                        }
                    },
                    {
                        table: 'sys_ui_section'
                        id: 'd279f3a71fb24584a278deb650c25a47'
                        key: {
                            name: 'x_rescue_conn_session'
                            caption: 'Session'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'd358b7f8867d4aac8b8793af1d12e466'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'comparison_failure'
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
                        table: 'sys_documentation'
                        id: 'd721866d200c4f44a10cd3d3f13bff33'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'oauth_client_secret_state'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'd775d5653b3340068bd7696ee90dec5a'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'publish'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'd8a4f113df46441aba322050462354ad'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'sso_password_state'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'da0b1b2cb21d44e78fe0830c410ae4f9'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.begin_split'
                            position: '14'
                        }
                    },
                    {
                        table: 'sys_ux_form_action'
                        id: 'db4abe365c3e4dee9a710479f28e0fa6'
                        key: {
                            ui_action: 'f617ea30ca1d44a5b9e02b4d131ca4b1'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: 'db637835aeb441a28d9169e21b7f4966'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'language'
                            value: 'pt'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: 'dc8ceff14c164fb082ed32f04fb66b7f'
                        deleted: true
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
                        table: 'sys_ui_element'
                        id: 'dcb82305cbe44616ab4a1eefe3e84bc5'
                        key: {
                            sys_ui_section: {
                                id: '9d6b516bd9f44907a64677a4cffee830'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Rescue'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'rescue_api_token'
                            position: '3'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'dde9b06717b542c49a1e0e63cd2bdda9'
                        key: {
                            sys_ui_section: {
                                id: 'a9774dd38bd74945b9c76b71b8f8448c'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Missed sessions'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'report_nodes'
                            position: '6'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'de0a4bf3b3e04b4a95f90d567fd06be1'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'token_rotated_at'
                            position: '5'
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
                        table: 'sys_ui_policy_action'
                        id: 'de616e6acfb349d6a6515f848f0c6736'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'reauthorization_wait'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'de846f3c3fb144878da47c6dd9225d4d'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'publish'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'deeef74a707b41d3adbed2174e79edb4'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'token_rotated_at'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: 'df40595696b94889b1eed1e19b9e6cb3'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_account'
                            value: 'global'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'df676847211d4453a7bc8e9103a41b9e'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'managed_by'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: 'e045de79993d449eb888843ed358830f'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'console_sessions'
                            value: 'change_request'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e1889fd502df45588bd6be94925c9e6b'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'paused_until'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: 'e1d21c327bf04722b4e1c218a1e01a1d'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'client_id'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e1decd3f96274a8e84a04abd3d00f093'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'oauth_client_secret_state'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: 'e2673770697e4e5c84efdd908f19907d'
                        key: {
                            list_id: {
                                id: '88ae721ecd984a79b5054646998cc763'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'session'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e292572edba74ff3813e9e01bdf8fda6'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'mail_text'
                        }
                    },
                    {
                        table: 'sys_ui_form_section'
                        id: 'e2ebcb94acee4a9aabdcacfa7de19000'
                        key: {
                            sys_ui_form: {
                                id: '9779634d96924cae9f920f24d0976594'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e4f22c7533e54557821295d923f7c7d5'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'mail_subject'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ux_form_action'
                        id: 'e58ed99bc1fd4aedbae5ba78217bc61f'
                        deleted: true
                        key: {
                            ui_action: 'd1b0ea63fd644bc29c6928946007b03f'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e59c58ac2df8498689a6faa0e5fc3492'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'service_account_password_state'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e5a11c241b724ee599bcc6445bb746f4'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'instance'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'e5b3abd6c6574ed895550fba9c865815'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'instance'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'e5ed6ee039674654b761764715a2c61e'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'new_record_columns'
                            position: '10'
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
                        table: 'sys_dictionary'
                        id: 'e6706b81f3314749958d0d6b0ac00fac'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'webhook_url_started'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'e6b22cdb309343298e9284ef292972bb'
                        key: {
                            sys_ui_section: {
                                id: 'd279f3a71fb24584a278deb650c25a47'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '5'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'e7906ec9e3a1473aa656a845361365af'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'record_types'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'e7a1b6bd32054ff086a9f43e3eef2f7c'
                        key: {
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'allow_host'
                            position: '11'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'e7ffe2e22dd145cfbd6398d905070cdb'
                        key: {
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'service_account_password_state'
                            position: '8'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'e8459c41ab704395930e09b869c6f4cb'
                        key: {
                            sys_security_acl: 'f7f9e4469a964b61afa8f3270a9fe35b'
                            sys_user_role: {
                                id: '0672cb413aad488aade8a9309c694810'
                                key: {
                                    name: 'x_rescue_conn.admin'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: 'e8f8063578314010b40d7d4881d64369'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'grant_type'
                            value: 'password'
                            language: 'en'
                            dependent_value: 'NULL'
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
                        table: 'sys_ui_element'
                        id: 'e971590c75e745a89df86250e9f1eb48'
                        key: {
                            sys_ui_section: {
                                id: '778dd68f023e442b98e900d765b1c75a'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'PIN button and e-mails'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'pin_note'
                            position: '2'
                        }
                    },
                    {
                        table: 'sys_ui_section'
                        id: 'e9986c30cda94ea4b23c30f77a82a755'
                        key: {
                            name: 'x_rescue_conn_settings'
                            caption: 'Connection'
                            view: {
                                id: 'Default view'
                                key: {
                                    name: 'NULL'
                                }
                            }
                            sys_domain: 'global'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'e9b95a56a6fd45af9960e7a90f16add9'
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'paused'
                            position: '13'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'e9d99f44924b4d4e821f2daa130e314c'
                        key: {
                            sys_ui_section: {
                                id: '34b135fdffa44d06ad49f677c4d64d28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Session details'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'publish'
                            position: '1'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: 'ea08174e35ba4faa98c41cb3046c8fb9'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'language'
                            value: 'it'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'ea5bbb2600e34cfeb9e665c29c26d71d'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '8'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'eb0f4010470c4511bedfdb00fcd69a80'
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '9'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'eb8c2196ab04439cac5b0a22aa5429f7'
                        key: {
                            sys_security_acl: '15db236eb1d04133be46b67a68037a5a'
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
                        id: 'eb93fd812eec4e21a47aca8515d6a916'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'pin'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'ec0465a565bf41a29ebdd8ea0557868c'
                        key: {
                            sys_ui_section: {
                                id: '34b135fdffa44d06ad49f677c4d64d28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Session details'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '4'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'ec3365f7918b40429626344d0a684a38'
                        key: {
                            sys_security_acl: '4208518031104eb49539b61fad08beee'
                            sys_user_role: {
                                id: '20bf5729339a429898c5cafacfbc8e32'
                                key: {
                                    name: 'x_rescue_conn.connector'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'ec9c88cb77594fef8684003e0d72a391'
                        key: {
                            sys_ui_section: {
                                id: 'd279f3a71fb24584a278deb650c25a47'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'record'
                            position: '2'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'eca1a7ae77904395959b82fff46634f1'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'rescue_company_id'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ecafd29450ba4f8fa49bf142fc733fbb'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'test_technician'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ed796655dadc4375a9724938c1b81bb9'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'tenant'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'eddaee2f7f7e4c19b19929a670448bc0'
                        key: {
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.end_split'
                            position: '12'
                        }
                    },
                    {
                        table: 'sys_ui_action_role'
                        id: 'ef2effa142974e1389f854c6c016e20a'
                        deleted: true
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
                    {
                        table: 'sys_security_acl_role'
                        id: 'ef710561eb134c3e9200fbdb8837936e'
                        key: {
                            sys_security_acl: 'b1d2db9e704945f9ae1b7237af4699e0'
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
                        id: 'f08dfd1d4dff4ba5b78f0c56299a2807'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'refresh_token_lifetime'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'f1fc0a3a7f5c41ab821a949ee82427e3'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'technician_domains'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'f2a3deeb73ec4455b3af15559f3f2bec'
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'record_columns'
                            position: '11'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'f36e34d56fc44e3e86c22ece3dcfbe99'
                        key: {
                            sys_ui_section: {
                                id: '42108000a2114a908791cb8f2bf16c28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'ServiceNow'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'client_id'
                            position: '3'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f3ebb48a96ea44bd85da6eca5abff65f'
                        key: {
                            name: 'x_rescue_conn_pin'
                            element: 'record'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ux_form_action'
                        id: 'f439373bc98a48d0bb4ee01d0ea19fa5'
                        key: {
                            ui_action: 'c1fedba69ed44d14b1ee02747c571c4f'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f5d8be354a2d4bb5b92c1f69b3e5e2d4'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'email_customer'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'f5e9da1905e04be5a2b63be01a9064d6'
                        key: {
                            sys_ui_section: {
                                id: '67afcefa3bc247fdaeadef1a0fdfb5fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Times'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '3'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'f6c84a6220f14a729664a4d5f71bb718'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'service_account_password'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'f7c21d84d25443d193af0da29f4ab370'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'session_table'
                        }
                    },
                    {
                        table: 'sys_ui_list_element'
                        id: 'f8bd2d44d8454494b9a78e54f362a020'
                        key: {
                            list_id: {
                                id: '88ae721ecd984a79b5054646998cc763'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                    element: 'NULL'
                                    relationship: 'NULL'
                                    parent: 'NULL'
                                }
                            }
                            element: 'state'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'f8d62e6513b54c1689e0d00186e3707d'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'caller_field'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'f9c80bba8b6f4ffa9a4c3d6892928b90'
                        key: {
                            sys_ui_section: {
                                id: '4b2be9f8cc6741129ffb9e3fe2c6884b'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Records'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'require_signed_tracking'
                            position: '4'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'fa42a50b86b04dadb953556bee7b9b14'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'show_button'
                            language: 'en'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'fa9194bf6e57465097a06e688255b685'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'email_technician'
                        }
                    },
                    {
                        table: 'sys_choice'
                        id: 'fccfc49f325348729a5a308ea14c7f69'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'grant_type'
                            value: 'refresh_token'
                            language: 'en'
                            dependent_value: 'NULL'
                        }
                    },
                    {
                        table: 'sys_security_acl_role'
                        id: 'fd09392facfa48aeb36ed0602f690aa2'
                        key: {
                            sys_security_acl: 'da2da448de1444d28cfe659c158960e8'
                            sys_user_role: {
                                id: '20bf5729339a429898c5cafacfbc8e32'
                                key: {
                                    name: 'x_rescue_conn.connector'
                                }
                            }
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'fd824c52d37941dcabcca6bb9a9d31f7'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'closed_at'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'fd8623a174a041eeb4e762e369efd0d8'
                        deleted: true
                        key: {
                            sys_ui_section: {
                                id: '88f245aee5a04ab2871cf50b8b73ffa9'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Status'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'test_technician'
                            position: '16'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'fd94b8dd693744a2898708babed49d79'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'started_at'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'fdfb4c2641fa4c878e5d8216430b53aa'
                        key: {
                            sys_ui_section: {
                                id: '34b135fdffa44d06ad49f677c4d64d28'
                                key: {
                                    name: 'x_rescue_conn_settings'
                                    caption: 'Session details'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: '.split'
                            position: '2'
                        }
                    },
                    {
                        table: 'sys_ui_element'
                        id: 'fea093cd17e64b7d95455a16b54134bc'
                        key: {
                            sys_ui_section: {
                                id: '67afcefa3bc247fdaeadef1a0fdfb5fa'
                                key: {
                                    name: 'x_rescue_conn_session'
                                    caption: 'Times'
                                    view: {
                                        id: 'Default view'
                                        key: {
                                            name: 'NULL'
                                        }
                                    }
                                    sys_domain: 'global'
                                }
                            }
                            element: 'closed_at'
                            position: '2'
                        }
                    },
                    {
                        table: 'sys_ui_policy_action'
                        id: 'ff0c9a0d2a914f3dbe810e07ac481100'
                        key: {
                            ui_policy: {
                                id: 'a8ad93ddeaa343db8496566a4729bbff'
                                key: {
                                    table: 'x_rescue_conn_settings'
                                    short_description: 'Settings that the operator keeps in a file are shown only'
                                }
                            }
                            field: 'pin_note'
                        }
                    },
                    {
                        table: 'sys_dictionary'
                        id: 'ff7f3728e7e64ccb9bbedfb31f99924e'
                        key: {
                            name: 'x_rescue_conn_settings'
                            element: 'report_nodes'
                        }
                    },
                    {
                        table: 'sys_documentation'
                        id: 'ffbe20b4bb2a40bfb000f634cc4d4d1d'
                        key: {
                            name: 'x_rescue_conn_session'
                            element: 'technician_email'
                            language: 'en'
                        }
                    },
                ]
            }
        }
    }
}
