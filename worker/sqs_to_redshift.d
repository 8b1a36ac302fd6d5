sqs_to_redshift: sqs_to_redshift.c load_config.h ../aws/client.h \
 ../aws/clock.h ../aws/credentials.h ../aws/error.h ../aws/http.h \
 ../aws/buf.h ../aws/error.h ../aws/redshift_data.h ../aws/client.h \
 ../aws/service.h ../aws/profile.h ../aws/redshift_table.h \
 ../aws/service.h setting.h load_daemon.h deadline.h ../aws/clock.h \
 load_explain.h load_function.h runtime.h ../aws/buf.h ../aws/http.h \
 load_options.h log.h places.h stop.h wiring.h
load_config.h:
../aws/client.h:
../aws/clock.h:
../aws/credentials.h:
../aws/error.h:
../aws/http.h:
../aws/buf.h:
../aws/error.h:
../aws/redshift_data.h:
../aws/client.h:
../aws/service.h:
../aws/profile.h:
../aws/redshift_table.h:
../aws/service.h:
setting.h:
load_daemon.h:
deadline.h:
../aws/clock.h:
load_explain.h:
load_function.h:
runtime.h:
../aws/buf.h:
../aws/http.h:
load_options.h:
log.h:
places.h:
stop.h:
wiring.h:
